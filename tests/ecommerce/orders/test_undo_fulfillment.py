"""What was recorded as sent and was not, and numbers that were mistyped."""

from functools import partial

import pytest
from django.utils import timezone

from ecommerce.models import Fulfillment, Order, Return, ReturnItem
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.return_order import return_order
from ecommerce.orders.selectors import allowed_acts
from ecommerce.orders.undo_fulfillment import correct_tracking, undo_fulfillment
from tests.support.bulk_jobs import a_clerk, run
from tests.support.factories import ANA, make_sku
from tests.support.order_acts import at_once, counts, fresh, items_of, kinds, paid, paid_lines, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
NOW = timezone.now
UPS = "1Z5R89390357567127"


@pytest.fixture
def order() -> Order:
    """A paid order of 3 mugs and 2 shirts, of which nothing is sent."""
    return paid_lines((make_sku("MUG", shippable=True), 3), (make_sku("TEE", shippable=True), 2))


def sent_in_two(order: Order) -> list[Fulfillment]:
    mugs, _shirts = items_of(order)
    fulfill(order_id=order.pk, items=[(mugs.pk, 2)], carrier="UPS", tracking_number=UPS, by=ANA, at=NOW())
    fulfill(order_id=order.pk, by=ANA, at=NOW())
    return list(order.fulfillments.order_by("pk"))


def undo(order: Order, *parcels: Fulfillment) -> Order:
    ids = [parcel.pk for parcel in parcels] or None
    return undo_fulfillment(order_id=order.pk, parcel_ids=ids, reason="Not picked up", by=ANA, at=NOW())


def test_one_parcel_is_voided_and_then_the_other(order: Order) -> None:
    first, second = sent_in_two(order)
    undone = undo(order, first)
    assert (undone.status, undone.fulfillment_state, undone.fulfilled_at) == ("paid", "partial", None)
    assert counts(order) == [(1, 0, 0), (2, 0, 0)]
    first.refresh_from_db()
    assert (first.voided_by, first.void_reason) == ("Ana", "Not picked up")
    event = order.events.latest("pk")
    assert (event.kind, event.data["reason"], event.data["old"]) == (
        "fulfillment_undone", "Not picked up", f"UPS {UPS}",
    )  # fmt: skip
    undone = undo(order, second)
    assert (undone.status, undone.fulfillment_state, counts(order)) == ("paid", "", [(0, 0, 0), (0, 0, 0)])
    assert fulfill(order_id=order.pk, by=ANA, at=NOW()).status == "fulfilled"
    assert "undo_fulfillment" in allowed_acts(fresh(order))


def test_the_whole_fulfillment_is_undone_and_the_same_request_changes_nothing(order: Order) -> None:
    sent_in_two(order)
    assert (undo(order).status, counts(order)) == ("paid", [(0, 0, 0), (0, 0, 0)])
    before = kinds(order)
    assert undo(order).status == "paid"
    assert undo(order, *order.fulfillments.all()).status == "paid"
    assert kinds(order) == before


def test_what_was_sent_without_a_parcel_is_undone_too() -> None:
    by_hand, by_job = paid(), paid()
    fulfill(order_id=by_hand.pk, by=ANA, at=NOW())
    run("fulfill", [by_job], a_clerk())
    for order in (by_hand, by_job):
        assert (undo(order).status, undo(order).status) == ("paid", "paid")
        assert kinds(order).count("fulfillment_undone") == 1


@pytest.mark.django_db(transaction=True)
def test_two_people_undo_and_it_is_undone_once(order: Order) -> None:
    parcels = sent_in_two(order)
    assert at_once(*[partial(undo, order, *parcels)] * 4) == ["done"] * 4
    assert (kinds(order).count("fulfillment_undone"), counts(order)) == (1, [(0, 0, 0), (0, 0, 0)])


def test_what_has_not_been_sent_or_came_back_is_not_undone(order: Order) -> None:
    with refused("wrong_status"):
        undo(order)
    other = paid_lines((make_sku("CUP", shippable=True), 1))
    parcels = sent_in_two(order)
    with refused("unknown_parcel"):
        undo(other, *parcels)
    mugs, _shirts = items_of(order)
    asked = Return.objects.create(order=order, status="approved", **ANA.columns)
    coming = ReturnItem.objects.create(order_return=asked, item=mugs, quantity=2)
    with refused("already_returned"):
        undo(order)
    with refused("already_returned"):
        undo(order, parcels[0])
    ReturnItem.objects.filter(pk=coming.pk).update(received=2, condition="resellable")
    with refused("already_returned"):
        undo(order)
    with refused("already_returned"):
        undo(order, parcels[0])
    Return.objects.filter(pk=asked.pk).update(status="received", received_at=NOW())


def test_an_order_whose_return_waits_for_stripe_is_not_undone(order: Order) -> None:
    sent_in_two(order)
    return_order(order_id=order.pk, reason="", restock=True, by=ANA, at=NOW())
    assert "undo_fulfillment" not in allowed_acts(fresh(order))
    with refused("in_progress"):
        undo(order)


# Numbers


def correct(parcel: Fulfillment, carrier: str, *numbers: str) -> None:
    correct_tracking(parcel_id=parcel.pk, carrier=carrier, tracking_numbers=numbers, reason="Typo", by=ANA, at=NOW())


def test_a_number_is_corrected_with_what_it_was(order: Order) -> None:
    first, _second = sent_in_two(order)
    correct(first, "dhl", "3318810025", "jjd0099999999")
    first.refresh_from_db()
    assert (first.carrier, first.tracking_numbers) == ("DHL", ["3318810025", "JJD0099999999"])
    event = order.events.latest("pk")
    assert event.kind == "tracking_changed"
    assert (event.data["old"], event.data["new"]) == (f"UPS {UPS}", "DHL 3318810025, JJD0099999999")
    correct(first, "DHL", "33 1881 0025", "JJD0099999999")
    assert kinds(order).count("tracking_changed") == 1


def test_the_number_of_a_void_parcel_is_not_corrected(order: Order) -> None:
    first, _second = sent_in_two(order)
    undo(order, first)
    with refused("voided"):
        correct(first, "DHL")
    with refused("unknown_parcel"):
        correct(Fulfillment(pk=0), "DHL")
