"""The New order page."""
