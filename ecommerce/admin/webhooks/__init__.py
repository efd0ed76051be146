"""Webhooks out in the admin: endpoints and what was delivered to them."""
