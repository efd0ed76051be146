"""The ecommerce app."""

from importlib import import_module

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EcommerceConfig(AppConfig):
    """Wires the app into Django."""

    name = "ecommerce"
    verbose_name = _("E-commerce")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the one receiver of billing's one signal, and the check that it is the only one."""
        import_module("ecommerce.receivers")
        import_module("ecommerce.checks")
