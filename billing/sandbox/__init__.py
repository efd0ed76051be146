"""A stand-in for Stripe's API in a process of its own: `python -m billing.sandbox`. See docs/sandbox.md."""
