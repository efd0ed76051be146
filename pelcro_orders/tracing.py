"""Traces by OpenTelemetry, with the ids of the log on each span. Imported only where an endpoint is set.

The SDK's own variables work beside it: OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS and so on.
"""

import logging
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from celery.signals import worker_process_shutdown
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Status
from structlog.contextvars import get_contextvars

from backoffice.log_secrets import without_log_secrets

IDS = (
    *("request_id", "actor", "user_id", "route", "task", "act", "order", "orders", "order_id"),
    *("payment_id", "refund_id", "tax_transaction_id", "payment_ids", "refund_ids"),
    *("job_id", "slice_id", "tracking_file_id", "stripe_event", "stripe_request_id", "mail_id", "document_id"),
)
# Names who acts, for the triggers of Activity.
ACTIVITY = re.compile(r"/\*activity:[^*]*\*/")
NOT_TRACED = "healthz,livez,readyz,metrics"
FLUSH_MILLISECONDS = 2000


def start(endpoint: str) -> None:
    """Trace requests, tasks, statements and calls to others, and send the spans there."""
    os.environ.setdefault("OTEL_SERVICE_NAME", "pelcro-orders")
    provider = provider_for(Secretless(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(excluded_urls=NOT_TRACED)
    CeleryInstrumentor().instrument()  # type: ignore[no-untyped-call]
    PsycopgInstrumentor().instrument()
    RequestsInstrumentor().instrument()
    logging.setLogRecordFactory(_with_trace(logging.getLogRecordFactory()))

    def flush(**_options: Any) -> None:
        provider.force_flush(FLUSH_MILLISECONDS)

    worker_process_shutdown.connect(flush, weak=False)  # Celery's processes end without `atexit`


def provider_for(exporter: SpanExporter) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(IdsOfContext())
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


def _with_trace(factory: Any) -> Any:
    """Have each line name its trace and span."""

    def record(*args: Any, **options: Any) -> logging.LogRecord:
        made: logging.LogRecord = factory(*args, **options)
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            made.trace_id, made.span_id = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
        return made

    return record


class IdsOfContext(SpanProcessor):
    """Gives a span the ids that are bound as it begins."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        del parent_context
        _set(span, get_contextvars())


class SpanFields(logging.Handler):
    """Gives the present span the ids of each line that is written in it: an order is known only once it is placed."""

    def emit(self, record: logging.LogRecord) -> None:
        span = trace.get_current_span()
        if span.is_recording():
            _set(span, get_contextvars() | record.__dict__)


def _set(span: trace.Span, ids: Mapping[str, Any]) -> None:
    for name in IDS:
        value = ids.get(name)
        if value:
            span.set_attribute(name, value if isinstance(value, int | list) else str(value))


class Secretless(SpanExporter):
    """Masks secrets in all that a span says, as in a line of the log, and leaves out who is named to the triggers."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self.exporter.export([_masked_span(span) for span in spans])

    def shutdown(self) -> None:
        self.exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self.exporter.force_flush(timeout_millis)


def _masked_span(span: ReadableSpan) -> ReadableSpan:
    events = [Event(each.name, _masked(each.attributes), each.timestamp) for each in span.events]
    description = span.status.description
    return ReadableSpan(
        name=_masked_value(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_masked(span.attributes),
        events=events,
        links=span.links,
        kind=span.kind,
        status=Status(span.status.status_code, description and _masked_value(description)),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _masked(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: _masked_value(value) for name, value in (attributes or {}).items()}


def _masked_value(value: Any) -> Any:
    return without_log_secrets(ACTIVITY.sub("", value)) if isinstance(value, str) else value
