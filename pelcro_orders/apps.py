"""The admin site of this project in place of Django's own."""

from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """Makes `pelcro_orders.site.StaffSite` the admin site every ModelAdmin registers with."""

    default_site = "pelcro_orders.site.StaffSite"
