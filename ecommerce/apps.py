"""The ecommerce app."""

from importlib import import_module

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.utils.translation import gettext_lazy as _

from backoffice.activity.origin import OriginComments
from ecommerce.tracked import TABLES


class EcommerceConfig(AppConfig):
    """Wires the app into Django."""

    name = "ecommerce"
    verbose_name = _("E-commerce")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the one receiver of billing's one signal, the check that it is the only one, and the rest."""
        import_module("ecommerce.receivers")
        import_module("ecommerce.checks")
        import_module("ecommerce.sign_ins")
        import_module("ecommerce.webhooks.worker")
        import_module("ecommerce.retention.tasks")
        import_module("ecommerce.mails.writers").register()
        connection_created.connect(OriginComments(TABLES).install, weak=False)
