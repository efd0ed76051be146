"""Catalogue, coupons, orders, what was done to them, and mass actions."""

from ecommerce.models.act import Fulfillment, OrderAct, OrderEvent
from ecommerce.models.catalogue import Coupon, Product, Sku
from ecommerce.models.job import BulkJob, BulkJobItem, BulkJobSlice
from ecommerce.models.order import Order, OrderItem, OrderWords

__all__ = [
    "BulkJob",
    "BulkJobItem",
    "BulkJobSlice",
    "Coupon",
    "Fulfillment",
    "Order",
    "OrderAct",
    "OrderEvent",
    "OrderItem",
    "OrderWords",
    "Product",
    "Sku",
]
