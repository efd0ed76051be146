"""What is logged, and how a line reads: JSON, or words for people with the fields behind them."""

import json
import logging
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any

from structlog.contextvars import merge_contextvars
from structlog.processors import format_exc_info
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_log_level, add_logger_name

from backoffice.log_secrets import without_log_secrets

Fields = MutableMapping[str, Any]
FIRST = ("timestamp", "level", "logger", "message")
LAST = ("exception", "stack")


def logging_settings(form: str, *, traced: bool) -> dict[str, Any]:
    """Return Django's LOGGING; `form` is json or line, and what is traced gets the ids of its lines."""
    spans = {"spans": {"class": "pelcro_orders.tracing.SpanFields"}} if traced else {}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"fields": {"()": "pelcro_orders.logs.Formatter", "form": form}},
        "filters": {"unavailable": {"()": "pelcro_orders.database_errors.OneLine"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "fields"}, **spans},
        "root": {"handlers": ["console", *spans], "level": "INFO"},
        "loggers": {
            "django.request": {"filters": ["unavailable"]},
            "stripe": {"level": "WARNING"},  # `billing.gateway` has a line of each request
            "httpx": {"level": "WARNING"},  # logs each request at INFO, with addresses that may hold a secret
            "pyBarcode": {"level": "WARNING"},  # says at INFO that it draws no pictures, which nobody asks it to
        },
    }


class Formatter(ProcessorFormatter):
    """The one way of any line to the log: masks secrets last, in whatever field or traceback they stand."""

    def __init__(self, form: str) -> None:
        super().__init__(
            foreign_pre_chain=[ExtraAdder(), _plain_fields, merge_contextvars, add_log_level, add_logger_name, _times],
            processors=[
                _resolve_actor,
                format_exc_info,
                ProcessorFormatter.remove_processors_meta,
                _in_order,
                FORMS[form],
            ],
        )

    def format(self, record: logging.LogRecord) -> str:
        return without_log_secrets(super().format(record))


def _plain_fields(_logger: Any, _method: str, fields: Fields) -> Fields:
    """Drop what libraries hand along, such as a whole request: only ids, numbers and words are fields."""
    for name in [name for name, value in fields.items() if not (name in KEPT or _is_plain(value))]:
        del fields[name]
    return fields


KEPT = {"_record", "_from_structlog", "exc_info", "actor"}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, str | int) for each in value)
    return isinstance(value, str | int | float) and value != ""


def _resolve_actor(_logger: Any, _method: str, fields: Fields) -> Fields:
    # Of a request only the line that is written knows whether somebody is signed in by then.
    if "actor" in fields:
        fields["actor"] = str(fields["actor"])
    return fields


def _times(_logger: Any, _method: str, fields: Fields) -> Fields:
    fields["timestamp"] = datetime.fromtimestamp(fields["_record"].created, UTC).isoformat().replace("+00:00", "Z")
    return fields


def _in_order(_logger: Any, _method: str, fields: Fields) -> Fields:
    fields["message"] = fields.pop("event")
    names = [*FIRST, *(name for name in fields if name not in FIRST + LAST), *LAST]
    return {name: fields[name] for name in names if name in fields}


def as_json(_logger: Any, _method: str, fields: Fields) -> str:
    return json.dumps(fields, default=str)


def as_line(_logger: Any, _method: str, fields: Fields) -> str:
    ids = " ".join(f"{name}={_in_words(value)}" for name, value in fields.items() if name not in FIRST + LAST)
    line = f"{fields['timestamp']} {fields['level'].upper()} {fields['logger']}: {fields['message']}"
    return "\n".join([f"{line} [{ids}]" if ids else line, *(fields[name] for name in LAST if name in fields)])


def _in_words(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


FORMS = {"json": as_json, "line": as_line}
