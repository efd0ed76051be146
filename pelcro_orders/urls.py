"""All URLs: admin, API, shop, Stripe's webhook."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from billing import views as billing_views
from billing.webhooks import views
from customers.mail.webhook import provider_webhook
from customers.views import address_fields
from ecommerce.api.root import api
from ecommerce.shop.payment_link import payment_link_view
from ecommerce.webhooks.openapi import webhooks_section
from pelcro_orders.site import settings_page

api.webhooks_section = webhooks_section
handler500 = "pelcro_orders.unavailable.server_error"

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", include("staff.urls")),
    path(
        "admin/activity/", RedirectView.as_view(pattern_name="admin:backoffice_activity_changelist", query_string=True)
    ),
    path("admin/settings/", settings_page, name="shop_settings"),
    path("admin/ecommerce/shipping/", include("ecommerce.admin.shipping.urls")),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("shop/", include("ecommerce.shop.urls")),
    path("pay/<str:token>/", payment_link_view, name="payment_link"),
    path("address-fields.json", address_fields, name="address_fields"),
    path("documents/<str:token>/", billing_views.document, name="document"),
    path("webhooks/stripe/", views.stripe, name="stripe_webhook"),
    path("webhooks/mail/<slug:provider>/", provider_webhook, name="mail_webhook"),
]
