"""Commands of any back office."""
