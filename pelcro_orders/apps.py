"""Puts `StaffSite` in place of Django's admin site."""

from importlib import import_module

from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.db.backends.signals import connection_created


class StaffAdminConfig(AdminConfig):
    default_site = "pelcro_orders.site.StaffSite"

    def ready(self) -> None:
        super().ready()
        import_module("pelcro_orders.checks")
        connection_created.connect(import_module("pelcro_orders.unavailable").install)
        # Imported where they are asked for alone: they take memory, and a tenth of the time of a start.
        if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
            import_module("pelcro_orders.tracing").start(settings.OTEL_EXPORTER_OTLP_ENDPOINT)
        if settings.SENTRY_DSN:
            import_module("pelcro_orders.error_reports").start(settings.SENTRY_DSN)
