"""Errors to Sentry, with the ids of the log as tags, and nothing of persons. Imported only where a DSN is set.

The SDK's own SENTRY_ENVIRONMENT and SENTRY_RELEASE work beside it.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.argv import ArgvIntegration
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.integrations.django import DjangoIntegration
from sentry_sdk.integrations.logging import LoggingIntegration
from sentry_sdk.integrations.stdlib import StdlibIntegration
from structlog.contextvars import get_contextvars

from backoffice.log_secrets import without_log_secrets

REMOVED = "[removed]"
PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.-]+"  # e-mails
    r"|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])"  # IP addresses
)
TAGS = (
    *("request_id", "actor", "task", "task_id", "order", "job_id", "slice_id", "tracking_file_id"),
    *("payment_id", "refund_id", "tax_transaction_id", "stripe_event", "mail_id", "document_id"),
)
KEPT = (
    *("event_id", "timestamp", "level", "logger", "platform", "release", "environment", "server_name", "sdk"),
    *("modules", "transaction", "exception", "logentry", "message", "threads"),
)


def start(dsn: str) -> None:
    """Report what is logged as an error, and what nobody catches."""
    sentry_sdk.init(
        dsn=dsn,
        auto_enabling_integrations=False,
        disabled_integrations=[ArgvIntegration, StdlibIntegration],  # arguments; headers to others
        integrations=[
            DjangoIntegration(middleware_spans=False, signals_spans=False),
            CeleryIntegration(propagate_traces=False),
            LoggingIntegration(level=None, event_level=logging.ERROR),
        ],
        before_send=impersonal,
        include_local_variables=False,  # which hold what people wrote, and secrets
        max_breadcrumbs=0,  # the log has what came before, by the same ids
        max_request_body_size="never",
        auto_session_tracking=False,
        send_default_pii=False,
    )


def impersonal(event: Any, hint: Mapping[str, Any]) -> Any:
    """Return what may leave of an event: where it broke and of which order, but not who was there or what they sent."""
    record = hint.get("log_record")
    ids = get_contextvars() | (record.__dict__ if record else {})
    kept = {name: _masked(event[name]) for name in KEPT if name in event}
    return kept | {"tags": {name: _masked(str(ids[name])) for name in TAGS if ids.get(name)}}


def _masked(value: Any) -> Any:
    match value:
        case dict():
            return {name: _masked(child) for name, child in value.items()}
        case list() | tuple():
            return [_masked(child) for child in value]
        case str():
            return PERSONAL.sub(REMOVED, without_log_secrets(value))
        case _:
            return value
