"""The website's and the staff programs' API."""
