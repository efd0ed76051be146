"""The theme's settings, and what the sidebar lists: what of it a person sees, `StaffSite` decides by permission."""

from typing import Any

from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

SIDEBAR: list[tuple[Any, list[tuple[str, Any, str]]]] = [
    (
        _("E-commerce"),
        [
            ("ecommerce.order", _("Orders"), "shopping_cart"),
            ("ecommerce.product", _("Products"), "inventory_2"),
            ("ecommerce.coupon", _("Coupons"), "sell"),
            ("ecommerce.bulkjob", _("Bulk jobs"), "playlist_play"),
        ],
    ),
    (None, [("customers.customer", _("Customers"), "group")]),
    (
        _("Billing"),
        [
            ("billing.invoice", _("Invoices"), "receipt_long"),
            ("billing.payment", _("Payments"), "credit_card"),
            ("billing.refund", _("Refunds"), "currency_exchange"),
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
        ],
    ),
]
"""Groups of (model, title, icon). A model without pages of its own is left out."""

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Pelcro Orders",
    "SITE_HEADER": "Pelcro Orders",
    "SITE_SUBHEADER": _("Back office"),
    "SITE_URL": "/shop/",
    "SITE_SYMBOL": "shopping_bag",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _request: static("backoffice/favicon.svg")}
    ],
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "pelcro_orders.site.environment_label",
    "STYLES": [lambda _request: static("backoffice/staff.css")],
    "BORDER_RADIUS": "6px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.1% .014 184)",
            "100": "oklch(94.5% .04 184)",
            "200": "oklch(89.5% .07 184)",
            "300": "oklch(82.5% .1 184)",
            "400": "oklch(73% .115 184)",
            "500": "oklch(63% .108 184)",
            "600": "oklch(51.5% .09 186)",
            "700": "oklch(44.5% .077 188)",
            "800": "oklch(38.5% .064 189)",
            "900": "oklch(34% .053 190)",
            "950": "oklch(25% .045 192)",
        },
    },
    "SIDEBAR": {"show_search": True, "command_search": True},
}
