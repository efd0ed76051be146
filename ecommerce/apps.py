"""The ecommerce app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EcommerceConfig(AppConfig):
    """Wires the app into Django."""

    name = "ecommerce"
    verbose_name = _("E-commerce")
    default_auto_field = "django.db.models.BigAutoField"
