"""What `make bench` runs: each figure beside raw SQL (the floor) and a stock Django admin, in one run."""
