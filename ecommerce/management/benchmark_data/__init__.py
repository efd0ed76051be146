"""Synthetic orders for benchmarks, as rows that agree with each other."""
