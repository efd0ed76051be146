"""What every page of the staff admin has in common, and the pages of staff and roles."""
