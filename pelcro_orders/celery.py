"""The Celery application: the bell that rings for rows. The rows themselves are the queue."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pelcro_orders.settings")

app = Celery("pelcro_orders")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
