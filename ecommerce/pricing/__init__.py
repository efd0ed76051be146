"""What an order costs, its taxes, and what refunds give back: arithmetic alone."""
