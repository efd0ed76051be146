"""Stripe's webhooks: the endpoint that stores events, and the processing of stored events."""
