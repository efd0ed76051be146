"""Mass actions and bulk jobs."""
