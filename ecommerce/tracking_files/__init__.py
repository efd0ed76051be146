"""Tracking numbers from carriers' files: read, previewed row by row, applied in the background."""
