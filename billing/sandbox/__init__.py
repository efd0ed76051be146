"""A local stand-in for Stripe's API, in a process of its own."""
