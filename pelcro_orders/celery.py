"""The Celery application. Rows are the queue; a message only wakes a worker."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pelcro_orders.settings")

app = Celery("pelcro_orders")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
