"""Puts `StaffSite` in place of Django's admin site."""

from importlib import import_module

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    default_site = "pelcro_orders.site.StaffSite"

    def ready(self) -> None:
        super().ready()
        import_module("pelcro_orders.checks")
