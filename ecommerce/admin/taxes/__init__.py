"""Tax rates, and the settings of the whole shop."""
