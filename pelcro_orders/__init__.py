"""Settings, URLs, admin site, dashboard, Celery."""

import gc

from pelcro_orders.celery import app as celery_app

__all__ = ["celery_app"]

# Little of what is loaded or served is garbage: by default, looking for it takes a tenth of a start and of a page.
gc.set_threshold(20_000, 20, 50)
