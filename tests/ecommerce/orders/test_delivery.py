"""Staff record when a parcel was delivered, which times count from."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ecommerce.customer_requests.rules import withdrawal_end
from ecommerce.models import Fulfillment, Order
from ecommerce.orders.delivery import record_delivery
from tests.support.admin import signed_in
from tests.support.factories import ANA
from tests.support.forms import sentences
from tests.support.order_acts import fresh, kinds, refused
from tests.support.returned import sent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
NOW = timezone.now


@pytest.fixture
def order() -> Order:
    order = sent()
    Fulfillment.objects.update(at=NOW() - timedelta(days=3))
    return order


def test_the_time_to_withdraw_counts_from_it(order: Order) -> None:
    parcel = order.fulfillments.get()
    delivered = NOW() - timedelta(days=1)
    assert withdrawal_end(fresh(order)) is None
    for _number in range(2):
        record_delivery(order_id=order.pk, parcel_id=parcel.pk, delivered_at=delivered, by=ANA, at=NOW())
    end = withdrawal_end(fresh(order))
    assert end is not None
    assert timedelta(days=14) < end - delivered <= timedelta(days=15)
    assert kinds(order).count("delivered") == 1


@pytest.mark.parametrize("days", [-1, 4])
def test_it_is_after_sending_and_not_in_the_future(order: Order, days: int) -> None:
    parcel = order.fulfillments.get()
    with refused("invalid_time"):
        record_delivery(
            order_id=order.pk, parcel_id=parcel.pk, delivered_at=NOW() - timedelta(days=days), by=ANA, at=NOW()
        )


def test_a_parcel_that_was_voided_is_not_delivered(order: Order) -> None:
    parcel = order.fulfillments.get()
    with refused("unknown_parcel"):
        record_delivery(order_id=order.pk, parcel_id=parcel.pk + 1, delivered_at=NOW(), by=ANA, at=NOW())


def test_it_is_recorded_from_the_order_page(order: Order) -> None:
    desk: Client = signed_in("ecommerce.view_order", "ecommerce.handle_return")
    page = f"/admin/ecommerce/order/{order.pk}"
    parcel = order.fulfillments.get()
    assert f"{page}/record_delivery/?parcel={parcel.pk}" in desk.get(f"{page}/change/").content.decode()
    assert "Delivered (UTC)" in sentences(desk.get(f"{page}/record_delivery/", {"parcel": parcel.pk}))
    typed = f"{NOW() - timedelta(days=1):%Y-%m-%dT%H:%M}"
    desk.post(f"{page}/record_delivery/", {"confirmed": "", "parcel": parcel.pk, "delivered_at": typed})
    parcel.refresh_from_db()
    assert f"{parcel.delivered_at:%Y-%m-%dT%H:%M}" == typed
    assert f"Delivered {typed.replace('T', ' ')}" in sentences(desk.get(f"{page}/change/"))
