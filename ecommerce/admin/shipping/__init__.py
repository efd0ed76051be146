"""Shipping zones and their rates."""
