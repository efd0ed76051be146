"""The sidebar, which `StaffSite` filters by permission, and the theme's settings."""

from typing import Any

from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from backoffice.theme import THEME

SIDEBAR: list[tuple[Any, list[tuple[str, Any, str]]]] = [
    (
        _("E-commerce"),
        [
            ("ecommerce.order", _("Orders"), "shopping_cart"),
            ("ecommerce.return", _("Returns"), "assignment_return"),
            ("ecommerce.customerrequest", _("Requests"), "contact_support"),
            ("ecommerce.product", _("Products"), "inventory_2"),
            ("ecommerce.coupon", _("Coupons"), "sell"),
            ("ecommerce.shipping", _("Shipping"), "local_shipping"),
            ("ecommerce.shippingzone", _("Shipping zones"), "map"),
            ("ecommerce.taxrate", _("Tax rates"), "percent"),
            ("ecommerce.bulkjob", _("Bulk jobs"), "playlist_play"),
        ],
    ),
    (None, [("customers.customer", _("Customers"), "group"), ("customers.mail", _("Mail"), "mail")]),
    (
        _("Billing"),
        [
            ("billing.invoice", _("Invoices"), "receipt_long"),
            ("billing.creditnote", _("Credit notes"), "receipt"),
            ("billing.document", _("Documents"), "description"),
            ("billing.payment", _("Payments"), "credit_card"),
            ("billing.refund", _("Refunds"), "currency_exchange"),
            ("billing.taxreport", _("Tax report"), "summarize"),
            ("billing.exchangerate", _("Exchange rates"), "currency_exchange"),
            ("billing.difference", _("Differences"), "difference"),
            ("billing.webhookevent", _("Webhooks"), "webhook"),
        ],
    ),
    (
        _("Staff and roles"),
        [
            ("customers.user", _("Staff"), "badge"),
            ("auth.group", _("Roles"), "admin_panel_settings"),
            ("ecommerce.apikey", _("API keys"), "key"),
            ("ecommerce.webhookendpoint", _("Webhooks out"), "outbound"),
            ("backoffice.activity", _("Activity"), "history"),
        ],
    ),
    (
        None,
        [
            ("billing.seller", _("Seller"), "storefront"),
            ("ecommerce.shopsettings", _("Settings"), "settings"),
            ("backoffice.system", _("System"), "monitor_heart"),
        ],
    ),
]
"""Groups of (model, title, icon). A model that is not registered is left out."""

UNFOLD: dict[str, Any] = {
    **THEME,
    "SITE_TITLE": "Pelcro Orders",
    "SITE_HEADER": "Pelcro Orders",
    "SITE_SUBHEADER": _("Back office"),
    "SITE_URL": "/shop/",
    "SITE_SYMBOL": "shopping_bag",
    "ACCOUNT": {"navigation": [{"title": _("My account"), "link": reverse_lazy("staff_account")}]},
    "ENVIRONMENT": "pelcro_orders.site.environment_label",
}
