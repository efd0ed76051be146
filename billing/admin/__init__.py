"""The Billing section of the admin: it reads, and never moves money."""
