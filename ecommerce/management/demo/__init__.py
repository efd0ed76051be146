"""The demo: a plausible shop, made through the real acts."""
