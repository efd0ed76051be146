"""The backoffice app: template tags and static files; it has no models."""

from django.apps import AppConfig


class BackofficeConfig(AppConfig):
    name = "backoffice"
