"""Catalogue, coupons, taxes, shipping zones, orders with their acts and events, bulk jobs, API keys, webhooks."""

from ecommerce.models.act import OrderAct, OrderEvent
from ecommerce.models.api_key import ApiKey
from ecommerce.models.catalogue import Coupon, Product, Sku, TaxCategory, WithdrawalException
from ecommerce.models.customer_request import CustomerRequest
from ecommerce.models.erasure import Erasure
from ecommerce.models.file_import import FileImport
from ecommerce.models.fulfillment import Fulfillment, FulfillmentItem
from ecommerce.models.job import BulkJob, BulkJobItem, BulkJobSlice
from ecommerce.models.note import NoteAttachment, NoteMention, OrderNote
from ecommerce.models.order import Order, OrderWords
from ecommerce.models.order_item import OrderItem, TaxLine
from ecommerce.models.packing import Packing
from ecommerce.models.payment_link import PaymentLink
from ecommerce.models.printout import Printout
from ecommerce.models.reason import Reason
from ecommerce.models.returns import Return, ReturnItem
from ecommerce.models.shipping import ShippingRate, ShippingZone
from ecommerce.models.shop_settings import ShopSettings
from ecommerce.models.tag import OrderTag, Tag
from ecommerce.models.tax import TaxRate
from ecommerce.models.tracking_file import TrackingFile, TrackingFileRow, TrackingLayout
from ecommerce.models.webhook import WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiKey",
    "BulkJob",
    "BulkJobItem",
    "BulkJobSlice",
    "Coupon",
    "CustomerRequest",
    "Erasure",
    "FileImport",
    "Fulfillment",
    "FulfillmentItem",
    "NoteAttachment",
    "NoteMention",
    "Order",
    "OrderAct",
    "OrderEvent",
    "OrderItem",
    "OrderNote",
    "OrderTag",
    "OrderWords",
    "Packing",
    "PaymentLink",
    "Printout",
    "Product",
    "Reason",
    "Return",
    "ReturnItem",
    "ShippingRate",
    "ShippingZone",
    "ShopSettings",
    "Sku",
    "Tag",
    "TaxCategory",
    "TaxLine",
    "TaxRate",
    "TrackingFile",
    "TrackingFileRow",
    "TrackingLayout",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WithdrawalException",
]
