"""Compare our payments and refunds with Stripe's records."""
