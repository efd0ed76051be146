"""The customers app."""

from importlib import import_module

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    name = "customers"
    verbose_name = _("Customers")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have sessions and tokens dated by the database's clock, where the website's sign-in is installed."""
        if apps.is_installed("allauth.headless"):
            import_module("customers.token_clock").use_database_clock()
            import_module("customers.receivers")
