"""Starts PostgreSQL, Redis, the fake Stripe and the project's programs where no address is configured."""
