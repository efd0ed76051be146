"""A fake Stripe for the demo and the tests (README.md)."""
