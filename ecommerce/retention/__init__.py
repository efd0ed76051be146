"""What is removed when it is old, and what is kept for ever."""
