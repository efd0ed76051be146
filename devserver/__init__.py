"""What make run starts where nothing is configured."""
