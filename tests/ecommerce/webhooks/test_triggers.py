"""What happens is queued for the endpoints that want it, by the statement that writes it."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ecommerce.models import Order, OrderEvent, WebhookDelivery, WebhookEndpoint
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.returns import cancel_return
from ecommerce.webhooks.events import EVENT_TYPES, TYPE_OF_KIND, UNTOLD
from ecommerce.webhooks.triggers import ORDER_FUNCTION, order_function_sql
from tests.support.factories import ANA, place_order
from tests.support.order_acts import paid, settle
from tests.support.returned import opened, sent
from tests.support.webhook_receiver import make_endpoint

pytestmark = pytest.mark.django_db
NOW = timezone.now
URL = "https://crm.example.com/hooks"


def of_orders(endpoint: WebhookEndpoint) -> QuerySet[WebhookDelivery]:
    return endpoint.deliveries.filter(stream__startswith="order-").order_by("sequence")


def types(endpoint: WebhookEndpoint) -> list[str]:
    return list(of_orders(endpoint).values_list("type", flat=True))


def test_every_kind_of_event_is_told_or_named_as_untold() -> None:
    assert {*TYPE_OF_KIND} | UNTOLD == {*OrderEvent.Kind}
    assert not {*TYPE_OF_KIND} & UNTOLD
    assert {*TYPE_OF_KIND.values()} <= {*EVENT_TYPES}


def test_the_trigger_is_the_mapping_of_the_code() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [ORDER_FUNCTION])
        (source,) = cursor.fetchone()
    assert source in order_function_sql()


def test_an_order_is_told_from_its_beginning_to_its_end() -> None:
    every, money = make_endpoint(), make_endpoint(URL, "order.payment.succeeded", "charge.refunded")
    order = paid()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    settle(order)
    assert types(every) == ["order.created", "order.payment.succeeded", "charge.refunded", "order.canceled"]
    assert types(money) == ["order.payment.succeeded", "charge.refunded"]

    by_event = of_orders(every).values_list("event_id", "type")
    assert {*money.deliveries.values_list("event_id", "type")} <= {*by_event}
    assert len({event_id for event_id, _ in by_event}) == 4
    assert {each.stream for each in of_orders(every)} == {f"order-{order.pk}"}
    refund = money.deliveries.get(type="charge.refunded")
    assert (refund.object_type, refund.object_id) == ("refund", order.acts.get(kind="cancel").refund_id)
    first = of_orders(every)[0]
    assert (first.object_type, first.object_id, first.triggered_from) == ("order", order.pk, "staff")


def test_a_return_is_told_as_one() -> None:
    order, endpoint = sent(), make_endpoint()
    one = opened(order, 1)
    cancel_return(return_id=one.pk, by=ANA, at=NOW())
    told = endpoint.deliveries.order_by("pk").values_list("type", "object_type", "object_id")
    assert [*told] == [("return.requested", "return", one.pk), ("return.closed", "return", one.pk)]


def test_a_failed_payment_is_told() -> None:
    endpoint = make_endpoint()
    place_order(token="pm_card_chargeDeclined")
    assert types(endpoint) == ["order.created", "order.payment.failed"]


def test_what_is_rolled_back_is_not_told() -> None:
    order, endpoint = paid(), make_endpoint()
    with transaction.atomic():
        fulfill(order_id=order.pk, by=ANA, at=NOW())
        transaction.set_rollback(True)
    assert types(endpoint) == []


def test_an_endpoint_that_is_off_collects_for_a_week() -> None:
    off: dict[str, Any] = {"active": False, "switched_off_reason": "By hand."}
    lately = make_endpoint(switched_off_at=Now(), **off)
    long_ago = make_endpoint(switched_off_at="2026-01-01T00:00:00Z", **off)
    fulfill(order_id=paid().pk, by=ANA, at=NOW())
    assert types(lately) == ["order.created", "order.payment.succeeded", "order.fulfilled"]
    assert types(long_ago) == []


def test_an_event_whose_object_is_not_named_tells_of_the_order() -> None:
    endpoint, order = make_endpoint(), Order.objects.get(pk=paid().pk)
    endpoint.deliveries.all().delete()
    OrderEvent.objects.create(order=order, kind="refunded", data={}, **ANA.columns)
    assert endpoint.deliveries.values_list("type", "object_type", "object_id").get() == (
        "charge.refunded",
        "order",
        order.pk,
    )


def test_an_act_has_no_statement_more_for_it() -> None:
    first, second = paid(), paid()
    with CaptureQueriesContext(connection) as without:
        fulfill(order_id=first.pk, by=ANA, at=NOW())
    endpoints = [make_endpoint() for _ in range(3)]
    with CaptureQueriesContext(connection) as with_three:
        fulfill(order_id=second.pk, by=ANA, at=NOW())
    assert len(without) == len(with_three)
    assert WebhookDelivery.objects.count() == len(endpoints)
