"""The staff's pages, one package a screen. Importing a screen's module registers its ModelAdmins."""

from ecommerce.admin import differences, documents, invoices, seller
from ecommerce.admin.activity import admin as activity_admin
from ecommerce.admin.bulk_jobs import admin as bulk_jobs_admin
from ecommerce.admin.bulk_jobs import confirmation
from ecommerce.admin.catalogue import admin as catalogue_admin
from ecommerce.admin.catalogue import coupons
from ecommerce.admin.customers import admin as customers_admin
from ecommerce.admin.mails import admin as mails_admin
from ecommerce.admin.orders import admin as orders_admin
from ecommerce.admin.orders import tag_admin
from ecommerce.admin.returns import admin as returns_admin
from ecommerce.admin.returns import reasons, requests_admin
from ecommerce.admin.shipping import admin as shipping_admin
from ecommerce.admin.staff import admin as staff_admin
from ecommerce.admin.staff import api_keys
from ecommerce.admin.taxes import admin as taxes_admin
from ecommerce.admin.webhooks import deliveries as webhook_deliveries
from ecommerce.admin.webhooks import endpoints as webhook_endpoints

__all__ = [
    "activity_admin",
    "api_keys",
    "bulk_jobs_admin",
    "catalogue_admin",
    "confirmation",
    "coupons",
    "customers_admin",
    "differences",
    "documents",
    "invoices",
    "mails_admin",
    "orders_admin",
    "reasons",
    "requests_admin",
    "returns_admin",
    "seller",
    "shipping_admin",
    "staff_admin",
    "tag_admin",
    "taxes_admin",
    "webhook_deliveries",
    "webhook_endpoints",
]
