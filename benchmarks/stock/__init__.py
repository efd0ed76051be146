"""The baseline: the admin that a competent developer builds over these tables in a day."""
