"""The staff's pages of orders, catalogue, coupons, mass actions, customers, staff and roles."""

from ecommerce.admin import api_keys as api_keys
from ecommerce.admin import catalogue as catalogue
from ecommerce.admin import coupons as coupons
from ecommerce.admin import customers as customers
from ecommerce.admin import jobs as jobs
from ecommerce.admin import mass_jobs as mass_jobs
from ecommerce.admin import orders as orders
from ecommerce.admin import staff as staff
