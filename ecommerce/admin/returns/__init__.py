"""Returns, what customers ask for, and the reasons that are offered."""
