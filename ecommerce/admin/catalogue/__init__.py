"""Products, SKUs and coupons."""
