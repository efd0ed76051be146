"""Orders, catalogue and mass actions in the staff admin."""

from ecommerce.admin import orders as orders
