"""A stand-in for Stripe's API in a process of its own: `python -m fake_stripe`. See docs/sandbox.md."""
