"""The E-commerce and Customers sections of the admin."""
