"""Addresses, as docs and contract name them."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from billing import webhooks
from ecommerce.api.routes import api

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("api/", api.urls),
    path("shop/", include("ecommerce.shop.urls")),
    path("webhooks/stripe/", webhooks.stripe, name="stripe_webhook"),
]
