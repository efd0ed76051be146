"""People: users who sign in, customers, addresses."""
