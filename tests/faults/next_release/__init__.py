"""The next release, as far as a rolling upgrade needs one: an app whose migrations change the orders' table."""
