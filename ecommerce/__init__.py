"""Catalogue, coupons, orders, mass actions, exports, the website's API."""
