"""The project's wiring."""

from pelcro_orders.celery import app as celery_app

__all__ = ["celery_app"]
