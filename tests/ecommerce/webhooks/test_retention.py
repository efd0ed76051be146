"""What of deliveries is kept, and for how long."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from ecommerce.models import Order, WebhookDelivery, WebhookEndpoint
from ecommerce.webhooks import endpoints, retention
from tests.support.retention import removed
from tests.support.webhook_receiver import happen, make_endpoint, statuses

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def test_what_ended_long_ago_is_deleted_and_what_waits_is_not(order: Order, settings: Any) -> None:
    settings.WEBHOOK_DELIVERY_DAYS = 30
    endpoint = make_endpoint()
    happen(order, "held", "released", "fulfilled")
    old, waiting, new = endpoint.deliveries.order_by("pk")
    WebhookDelivery.objects.filter(pk__in=[old.pk, waiting.pk]).update(created_at=Now() - 31 * DAY)
    WebhookDelivery.objects.filter(pk__in=[old.pk, new.pk]).update(status="delivered", next_attempt_at=None)
    assert removed("webhook_deliveries") == 1
    assert list(endpoint.deliveries.order_by("pk")) == [waiting, new]


def test_what_waits_for_an_endpoint_that_is_off_is_canceled_after_a_week(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    lately, long_ago = make_endpoint(), make_endpoint()
    happen(order, "held", "released")
    for endpoint, days in ((lately, 6), (long_ago, 8)):
        endpoints.switch_off(endpoint_id=endpoint.pk, reason="Moving.")
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(switched_off_at=Now() - days * DAY)
    assert removed("webhook_deliveries") == 0
    assert (statuses(lately), statuses(long_ago)) == (["queued"] * 2, ["canceled"] * 2)
    assert {each.error for each in long_ago.deliveries.all()} == {"The endpoint was off for 7 days."}


def test_what_was_for_an_endpoint_that_is_deleted_goes(order: Order) -> None:
    endpoint = make_endpoint()
    happen(order, "held")
    # An act that had not ended when the endpoint was deleted.
    WebhookEndpoint.objects.filter(pk=endpoint.pk)._raw_delete("default")
    assert removed("webhook_deliveries") == 1
