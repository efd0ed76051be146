"""Traces and error reports: what leaves, with which ids, and that nothing is loaded where they are not asked for."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

from backoffice import logs
from pelcro_orders.tracing import Secretless, SpanFields, provider_for
from tests.support.source_tree import ROOT
from tests.support.telemetry import Received, telemetry_receiver

SECRET, PERSON = "pi_3Abc_secret_Def456", "ada@example.com"
COMMENT = "/*activity:eyJieV9sYWJlbCI6ICJBZGEifQ==*/"


@pytest.fixture
def received() -> Iterator[Received]:
    with telemetry_receiver() as received:
        yield received


def test_nothing_is_imported_where_neither_is_set() -> None:
    # redis-py looks by itself for OpenTelemetry's metrics, which it does nothing with.
    code = (
        "import django, sys; django.setup(); import pelcro_orders.wsgi;"
        "theirs = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'opentelemetry.instrumentation', 'sentry_sdk');"
        "sys.exit(any(name.startswith(theirs) for name in sys.modules))"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "SENTRY_"))}
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=False).returncode == 0


def test_spans_arrive_with_the_ids_and_without_secrets(received: Received) -> None:
    provider = provider_for(Secretless(OTLPSpanExporter(endpoint=f"{received.endpoint}/v1/traces")))
    tracer = provider.get_tracer("test")
    with logs.bound(request_id="r1", job_id=7), tracer.start_as_current_span("POST /pay/WyJh.b_-c/") as outer:
        record = logging.LogRecord("x", logging.INFO, "x.py", 1, "Order paid", (), None)
        record.__dict__ |= {"order": "1001", "orders": ["1001"]}
        SpanFields().emit(record)
        outer.set_attribute("db.statement", f"{COMMENT}UPDATE x SET y = %s")
        with pytest.raises(ValueError, match="No"), tracer.start_as_current_span("inner"):
            raise ValueError(f"No {SECRET}")
    provider.shutdown()
    inner, root = received.spans
    assert (inner.trace_id, inner.parent_id) == (root.trace_id, root.span_id)
    assert (inner.attributes["job_id"], root.attributes["order"], root.attributes["orders"]) == (7, "1001", ["1001"])
    assert root.attributes["db.statement"] == "UPDATE x SET y = %s"
    assert root.name == "POST /pay/[removed]/"
    sent = b"".join(received.bodies)
    assert b"No [removed]" in sent
    assert not any(each.encode() in sent for each in (SECRET, "WyJh", "activity"))


FAILS = f"""
import logging, django, sentry_sdk
django.setup()
from backoffice import logs
sentry_sdk.set_user({{"id": 5, "email": "{PERSON}"}})
sentry_sdk.set_extra("address", "12 St James's Square")

def fail():
    name = "hidden" + " local"
    raise ValueError("No {SECRET} of {PERSON} from 203.0.113.9")

with logs.bound(request_id="r1", order="1001"):
    try:
        fail()
    except ValueError:
        logging.getLogger("x").exception("Failed %s", "{PERSON}", extra={{"refund_id": 5}})
sentry_sdk.flush(5)
"""


def test_an_error_arrives_with_the_ids_and_without_secrets_and_persons(received: Received) -> None:
    environment = os.environ | {"SENTRY_DSN": received.dsn}
    subprocess.run([sys.executable, "-c", FAILS], cwd=ROOT, env=environment, check=True, capture_output=True)
    (event,) = received.events
    assert event["tags"] == {"request_id": "r1", "order": "1001", "refund_id": "5"}
    (error,) = event["exception"]["values"]
    assert error["value"] == "No [removed] of [removed] from [removed]"
    frame = error["stacktrace"]["frames"][-1]
    assert (frame["function"], "vars" in frame) == ("fail", False)
    assert not {"user", "extra", "request", "breadcrumbs"} & event.keys()
    sent = b"".join(received.bodies)
    assert not any(each.encode() in sent for each in (SECRET, PERSON, "203.0.113.9", "St James", "hidden local"))
