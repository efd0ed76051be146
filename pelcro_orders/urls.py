"""Addresses, as docs and contract name them."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

<<<<<<< HEAD
from ecommerce.api.routes import api
=======
from billing import webhooks
>>>>>>> b973513 (Take in Stripe's events, and sweep up what is due side by side)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
<<<<<<< HEAD
    path("api/", api.urls),
=======
    path("webhooks/stripe/", webhooks.stripe, name="stripe_webhook"),
>>>>>>> b973513 (Take in Stripe's events, and sweep up what is due side by side)
]
