"""The Celery application. Rows are the queue; a message only wakes a worker."""

import os
from typing import Any

import django
from celery import Celery
from celery.signals import (
    beat_init,
    before_task_publish,
    celeryd_after_setup,
    setup_logging,
    task_postrun,
    task_prerun,
    worker_init,
    worker_process_init,
    worker_process_shutdown,
    worker_shutting_down,
)

from backoffice import counters, shutdown
from pelcro_orders import task_logs
from pelcro_orders.startup import prepare, refuse_too_many_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pelcro_orders.settings")

app = Celery("pelcro_orders")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["consumer"].add("pelcro_orders.monitoring.worker_heartbeat.WorkerHeartbeat")
setup_logging.connect(task_logs.configure)
before_task_publish.connect(task_logs.pass_on)
task_prerun.connect(task_logs.bind)
task_postrun.connect(task_logs.unbind)


@worker_init.connect
@beat_init.connect
def prepare_program(**_kwargs: Any) -> None:
    django.setup()
    prepare()


@celeryd_after_setup.connect
def count_connections(instance: Any, **_kwargs: Any) -> None:
    processes = int(instance.concurrency)  # each with another connection for webhooks out
    refuse_too_many_connections(needed=2 * processes, formula=f"{processes} worker processes x 2")


@worker_process_init.connect
def count_in_background(**_kwargs: Any) -> None:
    counters.flush_in_background()


@worker_process_shutdown.connect
def add_what_was_counted(**_kwargs: Any) -> None:
    counters.flush()


@worker_shutting_down.connect
def stop_at_next_step(**_kwargs: Any) -> None:
    shutdown.begin()
