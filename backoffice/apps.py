"""The backoffice app: what all admins share, and the log of what was done in them."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BackofficeConfig(AppConfig):
    name = "backoffice"
    verbose_name = _("Staff and roles")
    default_auto_field = "django.db.models.BigAutoField"
