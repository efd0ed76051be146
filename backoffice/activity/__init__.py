"""Activity: who did what to what, with old and new value. Triggers record rows, `record` what is no row."""
