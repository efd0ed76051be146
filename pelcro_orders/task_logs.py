"""The log of a worker and of beat: formatted as all others, and each line with the task and what it is about.

The ids of the request that enqueued a task travel in its message, beside its arguments.
`pelcro_orders.celery` connects these functions to Celery's signals.
"""

import logging.config
from collections.abc import Mapping
from typing import Any

from celery import Task
from django.conf import settings
from structlog.contextvars import bind_contextvars, get_contextvars, reset_contextvars

HEADER, TOKENS = "log_context", "log_tokens"
PASSED_ON = ("request_id", "actor")


def configure(loglevel: int | None = None, **_options: Any) -> None:
    """Configure the log; with a receiver of this signal, Celery adds no handlers of its own."""
    logging.config.dictConfig(settings.LOGGING)
    if loglevel:
        logging.getLogger().setLevel(loglevel)


def pass_on(headers: dict[str, Any], **_options: Any) -> None:
    context = get_contextvars()
    headers[HEADER] = {name: str(context[name]) for name in PASSED_ON if name in context}


def bind(task_id: str, task: Task[Any, Any], kwargs: Mapping[str, Any], **_options: Any) -> None:
    # All arguments of tasks are ids: job_id, act_id, event_id, …
    passed: dict[str, str] = task.request.get(HEADER) or {}
    tokens = bind_contextvars(task=task.name, task_id=task_id, **passed, **kwargs)
    task.request.update({TOKENS: tokens})


def unbind(task: Task[Any, Any], **_options: Any) -> None:
    reset_contextvars(**task.request.get(TOKENS))
