import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backoffice.models import Activity
from ecommerce.models import Order, WebhookDelivery, WebhookEndpoint
from tests.support.admin import signed_in
from tests.support.factories import make_customer, make_sku
from tests.support.forms import sentences
from tests.support.rows import a_paid_order

pytestmark = pytest.mark.django_db
LIST = "/admin/ecommerce/webhookdelivery/"
HEADERS = {"webhook-id": "evt_1", "webhook-timestamp": "1795000000", "webhook-signature": "v1,abc="}


@pytest.fixture
def manager(as_role: Callable[[str], Client]) -> Client:
    return as_role("Manager")


@pytest.fixture
def endpoint(db: None) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(url="https://erp.example.com/hooks", description="ERP", event_types=["x"])


@pytest.fixture
def order(db: None) -> Order:
    return a_paid_order(make_customer(), make_sku())


def told(endpoint: WebhookEndpoint, order: Order, number: int = 1, **fields: Any) -> WebhookDelivery:
    known: dict[str, Any] = {
        "event_id": f"evt_{number}",
        "type": "order.updated",
        "object_type": "order",
        "object_id": order.pk,
        "stream": f"order-{order.pk}",
        "sequence": number,
        "triggered_from": "staff",
        "payload": json.dumps({"type": "order.updated", "data": {"object": {"number": order.number}}}),
        "request_headers": HEADERS,
        "status": "delivered",
        "next_attempt_at": None,
        "attempts": 2,
        "response_status": 200,
        "response_body": "thanks",
        "duration_ms": 41,
        "delivered_at": timezone.now(),
    }
    return WebhookDelivery.objects.create(endpoint=endpoint, **(known | fields))


def test_a_delivery_shows_request_and_answer(manager: Client, endpoint: WebhookEndpoint, order: Order) -> None:
    one = told(endpoint, order)
    shown = sentences(manager.get(f"{LIST}{one.pk}/change/"))
    assert "POST https://erp.example.com/hooks" in shown
    for name, value in HEADERS.items():
        assert f"{name} {value}" in shown
    assert f'"number": "{order.number}"' in shown
    assert "200 within 41 ms thanks" in shown
    assert f"Order {order.number}" in shown
    assert endpoint.secret not in shown


def test_the_list_is_filtered_by_endpoint_type_object_and_status(
    manager: Client, endpoint: WebhookEndpoint, order: Order
) -> None:
    other = WebhookEndpoint.objects.create(url="https://crm.example.com/", event_types=["x"])
    told(endpoint, order)
    told(other, order, 2, type="customer.created", object_type="customer", stream="customer-5")
    told(endpoint, order, 3, status="failed", delivered_at=None, response_status=500, error="It answered 500.")

    def events(query: str) -> list[str]:
        page = manager.get(f"{LIST}?{query}")
        return [row.event_id for row in page.context["cl"].result_list]

    assert events("") == ["evt_3", "evt_2", "evt_1"]
    assert events("status__exact=failed") == ["evt_3"]
    assert events(f"endpoint={other.pk}") == ["evt_2"]
    assert events("type=customer.created") == ["evt_2"]
    assert events("about=order") == ["evt_3", "evt_1"]
    assert events(f"stream=order-{order.pk}") == ["evt_3", "evt_1"]
    assert events(f"q={order.number}") == ["evt_3", "evt_1"]
    assert events("q=evt_2") == ["evt_2"]
    assert events("q=nothing") == []


def test_the_page_of_an_order_leads_to_its_webhooks(manager: Client, endpoint: WebhookEndpoint, order: Order) -> None:
    link = f"{LIST}?stream=order-{order.pk}"
    assert link in manager.get(f"/admin/ecommerce/order/{order.pk}/change/").content.decode()
    told(endpoint, order)
    assert f"Order {order.number}" in sentences(manager.get(link))


def test_what_has_ended_is_sent_again(manager: Client, endpoint: WebhookEndpoint, order: Order) -> None:
    one, waiting = told(endpoint, order), told(endpoint, order, 2, status="queued", next_attempt_at=timezone.now())
    page = manager.post(f"{LIST}{one.pk}/again/", follow=True)
    assert "1 event is sent again." in sentences(page)
    one.refresh_from_db()
    assert (one.status, one.delivered_at) == ("queued", None)
    both = {"action": "send_again", "_selected_action": [one.pk, waiting.pk]}
    assert "Left as they are, since they wait anyway: 2." in sentences(manager.post(LIST, both, follow=True))
    assert Activity.objects.filter(act="sent_again", object_type="ecommerce.webhookdelivery").count() == 1


def test_who_may_not_send_again_sees_no_button(endpoint: WebhookEndpoint, order: Order) -> None:
    one, viewer = told(endpoint, order), signed_in("ecommerce.view_webhookdelivery")
    assert "Send again" not in sentences(viewer.get(f"{LIST}{one.pk}/change/"))
    assert viewer.post(f"{LIST}{one.pk}/again/").status_code == 403
    viewer.post(LIST, {"action": "send_again", "_selected_action": [one.pk]})
    one.refresh_from_db()
    assert one.status == "delivered"


def test_the_list_makes_as_many_queries_however_long_it_is(
    manager: Client, endpoint: WebhookEndpoint, order: Order
) -> None:
    told(endpoint, order)
    with CaptureQueriesContext(connection) as one:
        manager.get(LIST)
    for number in range(2, 12):
        told(endpoint, order, number)
    with CaptureQueriesContext(connection) as many:
        manager.get(LIST)
    assert len(many) == len(one)
