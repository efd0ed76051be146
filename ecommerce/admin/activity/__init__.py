"""The page "Activity": who did what to what, with old and new value."""
