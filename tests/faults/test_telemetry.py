"""A trace from a request over the task that it enqueues to the call to Stripe, of the real programs; and an error."""

from typing import Any

import pytest

from billing.models import Refund
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import ApiKey, Order
from tests.faults.conftest import House
from tests.faults.website import post
from tests.support.factories import ANA, place_order
from tests.support.telemetry import Received, ReceivedSpan, telemetry_receiver
from tests.support.waiting import wait_until

REQUEST = "POST api/v1/core/orders/<number>/cancel"
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.full]


def line(received: Received, span: ReceivedSpan) -> list[str]:
    """The names of a span and all above it."""
    by_id = {each.span_id: each for each in received.spans}
    names = [span.name]
    while span.parent_id:
        span = by_id[span.parent_id]
        names.append(span.name)
    return names


def test_one_trace_holds_request_task_and_call(house: House, fake_stripe: FakeStripeServer) -> None:
    order = place_order()
    _key, text = ApiKey.objects.create_key(name="Desk", permissions=["ecommerce.cancel_order"], by=ANA)
    with telemetry_receiver() as received:
        house.extra = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "SENTRY_DSN": received.dsn,
        }
        house.web()
        house.worker()
        fake_stripe.faults({"match": "POST /v1/refunds", "fault": "status", "status": 401, "times": 1})
        post(f"{house.base_url}/api/v1/core/orders/{order.number}/cancel", {"reason": "Late"}, text)
        wait_until(lambda: {"run/ecommerce.settle_act", REQUEST} <= {span.name for span in received.spans}, seconds=60)
        wait_until(lambda: bool(received.events), seconds=20)
    check(received, order)


def check(received: Received, order: Order) -> None:
    calls = [span for span in received.spans if span.attributes.get("order") == order.number and span.name == "POST"]
    assert calls
    over_task = [names for names in (line(received, call) for call in calls) if "run/ecommerce.settle_act" in names]
    assert over_task[0][-1] == REQUEST
    statements: list[Any] = [span.attributes.get("db.statement") for span in received.spans]
    assert any(statements)
    assert all("activity:" not in str(each) for each in statements)
    tags = received.events[0]["tags"]
    assert {"task": "ecommerce.settle_act", "refund_id": str(Refund.objects.get().pk)}.items() <= tags.items()
