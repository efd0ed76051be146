"""Puts `StaffSite` in place of Django's admin site."""

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    default_site = "pelcro_orders.site.StaffSite"
