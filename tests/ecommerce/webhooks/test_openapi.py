import json
from typing import Any

import jsonschema_rs
import pytest
from django.test import Client

from ecommerce.models import WebhookDelivery, WebhookEndpoint
from ecommerce.webhooks import endpoints, queue
from ecommerce.webhooks.events import EVENT_TYPES, TEST
from tests.support.factories import make_address, make_customer, make_sku
from tests.support.rows import a_paid_order, a_refund

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    document: dict[str, Any] = Client().get("/api/openapi.json").json()
    return document


def body_schema(schema: dict[str, Any], event_type: str) -> dict[str, Any]:
    operation = schema["webhooks"][event_type]["post"]
    body: dict[str, Any] = operation["requestBody"]["content"]["application/json"]["schema"]
    return {**body, "components": schema["components"]}


def test_every_event_is_documented(schema: dict[str, Any]) -> None:
    assert set(schema["webhooks"]) == {*EVENT_TYPES, TEST}


def test_what_is_sent_is_as_documented(schema: dict[str, Any]) -> None:
    endpoint = WebhookEndpoint.objects.create(url="https://erp.example.com/hooks")
    ada = make_customer()
    make_address(ada)
    sku = make_sku(stock=2)
    order = a_paid_order(ada, sku)
    refund = a_refund(order, 500)
    endpoints.send_test(endpoint_id=endpoint.pk)
    about = {
        "order.updated": ("order", order.pk),
        "charge.refunded": ("refund", refund.pk),
        "customer.updated": ("customer", ada.pk),
        "customer.deleted": ("customer", 1_000_000),
        "stock.low": ("sku", sku.pk),
    }
    for event_type, (object_type, object_id) in about.items():
        WebhookDelivery.objects.create(
            endpoint=endpoint, event_id=f"evt_{event_type}", type=event_type, object_type=object_type,
            object_id=object_id, stream=f"{object_type}-{object_id}", sequence=1, triggered_from="staff",
        )  # fmt: skip
    for delivery in endpoint.deliveries.filter(type__in=(*about, TEST)):
        assert queue.write_payload(delivery)
        jsonschema_rs.validate(body_schema(schema, delivery.type), json.loads(delivery.payload))
