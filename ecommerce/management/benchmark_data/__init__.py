"""Synthetic orders for benchmarks, as consistent rows of all tables."""
