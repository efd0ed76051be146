"""Settings, URLs, admin site, dashboard, Celery."""

from pelcro_orders.celery import app as celery_app

__all__ = ["celery_app"]
