"""Orders that are sent in several parcels, and what the database refuses whatever the code does."""

from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ecommerce.models import Fulfillment, FulfillmentItem, Order, OrderItem, Return, ReturnItem
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from tests.support.bulk_jobs import a_clerk, outcomes, run
from tests.support.factories import ANA, make_sku, place_order
from tests.support.order_acts import at_once, counts, fresh, items_of, kinds, paid, paid_lines, refused, settle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
NOW = timezone.now


def two_lines() -> Order:
    """A paid order of 3 mugs and 2 shirts."""
    return paid_lines((make_sku("MUG", shippable=True), 3), (make_sku("TEE", shippable=True), 2))


def one_line() -> Order:
    return paid_lines((make_sku("CUP", shippable=True), 2))


def test_an_order_is_fulfilled_once_the_last_of_its_parcels_leaves() -> None:
    order = two_lines()
    mugs, shirts = items_of(order)
    sent = fulfill(order_id=order.pk, items=[(mugs.pk, 2)], carrier="DHL", by=ANA, at=NOW())
    assert (sent.status, sent.fulfillment_state, counts(order)) == ("paid", "partial", [(2, 0, 0), (0, 0, 0)])
    sent = fulfill(order_id=order.pk, items=[(shirts.pk, 2)], by=ANA, at=NOW())
    assert (sent.status, sent.fulfillment_state) == ("paid", "partial")
    sent = fulfill(order_id=order.pk, by=ANA, at=NOW())
    assert (sent.status, sent.fulfillment_state, counts(order)) == ("fulfilled", "", [(3, 0, 0), (2, 0, 0)])
    contents = [list(parcel.items.values_list("item", "quantity")) for parcel in order.fulfillments.order_by("pk")]
    assert contents == [[(mugs.pk, 2)], [(shirts.pk, 2)], [(mugs.pk, 1)]]
    assert kinds(order)[-3:] == ["partly_fulfilled", "partly_fulfilled", "fulfilled"]


@pytest.mark.parametrize("quantities", [(4, 0), (0, 3), (0, 0), (-1, 1)])
def test_no_more_leaves_than_is_left(quantities: tuple[int, int]) -> None:
    order = two_lines()
    chosen = [(item.pk, quantity) for item, quantity in zip(items_of(order), quantities, strict=True) if quantity]
    with refused("invalid_items"):
        fulfill(order_id=order.pk, items=chosen, by=ANA, at=NOW())
    assert (fresh(order).status, counts(order), Fulfillment.objects.count()) == ("paid", [(0, 0, 0), (0, 0, 0)], 0)


def test_items_of_another_order_are_refused() -> None:
    order, other = two_lines(), one_line()
    with refused("invalid_items"):
        fulfill(order_id=order.pk, items=[(items_of(other)[0].pk, 1)], by=ANA, at=NOW())


def test_the_mass_action_sends_what_is_left() -> None:
    order, whole = two_lines(), one_line()
    fulfill(order_id=order.pk, items=[(items_of(order)[0].pk, 1)], by=ANA, at=NOW())
    assert set(outcomes(run("fulfill", [order, whole], a_clerk())).values()) == {("done", "")}
    assert (fresh(order).status, fresh(order).fulfillment_state) == ("fulfilled", "")
    assert counts(order) == [(3, 0, 0), (2, 0, 0)]
    assert order.fulfillments.count() == 2
    assert [item.fulfilled == item.quantity for item in items_of(whole)] == [True]


def test_what_is_digital_leaves_without_a_parcel() -> None:
    by_hand, by_job = paid(), paid()
    mixed = paid_lines((make_sku("BOOK", shippable=True), 1), (make_sku("E-BOOK"), 1))
    fulfill(order_id=by_hand.pk, by=ANA, at=NOW())
    run("fulfill", [by_job], a_clerk())
    fulfill(order_id=mixed.pk, by=ANA, at=NOW())
    assert [fresh(order).status for order in (by_hand, by_job, mixed)] == ["fulfilled"] * 3
    assert [order.fulfillments.count() for order in (by_hand, by_job, mixed)] == [0, 0, 1]
    assert counts(mixed) == [(1, 0, 0), (0, 0, 0)]


def test_a_canceled_order_has_all_of_its_items_canceled() -> None:
    order, unpaid = two_lines(), place_order(quantity=2, token="pm_card_chargeDeclined")
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    cancel(order_id=unpaid.pk, reason="", by=ANA, at=NOW())
    settle(order)
    assert (counts(order), counts(unpaid)) == ([(0, 3, 0), (0, 2, 0)], [(0, 2, 0)])


@pytest.mark.django_db(transaction=True)
def test_two_people_send_the_last_item_and_one_does() -> None:
    order = two_lines()
    mugs, _shirts = items_of(order)
    came = at_once(*[partial(fulfill, order_id=order.pk, items=[(mugs.pk, 3)], by=ANA, at=NOW())] * 4)
    assert sorted(came) == ["done"] + ["invalid_items"] * 3
    assert (Fulfillment.objects.count(), counts(order)) == (1, [(3, 0, 0), (0, 0, 0)])


# What the database refuses


def parcel_of(order: Order) -> Fulfillment:
    return Fulfillment.objects.create(order=order, at=NOW(), **ANA.columns)


def write_partly_sent(order: Order) -> OrderItem:
    """Write a parcel of two of its first item past the acts."""
    item = items_of(order)[0]
    FulfillmentItem.objects.create(fulfillment=parcel_of(order), item=item, quantity=2)
    Order.objects.filter(pk=order.pk).update(fulfillment_state="partial")
    return item


def test_the_database_refuses_more_in_parcels_than_was_ordered() -> None:
    order = two_lines()
    mugs = write_partly_sent(order)
    with pytest.raises(IntegrityError, match="order_item_fulfilled"), transaction.atomic():
        FulfillmentItem.objects.create(fulfillment=parcel_of(order), item=mugs, quantity=2)
    OrderItem.objects.filter(pk=mugs.pk).update(canceled=1)
    with pytest.raises(IntegrityError, match="order_item_fulfilled"), transaction.atomic():
        FulfillmentItem.objects.create(fulfillment=parcel_of(order), item=mugs, quantity=1)


def test_the_database_refuses_items_of_another_order_in_a_parcel() -> None:
    order, other = two_lines(), one_line()
    with pytest.raises(IntegrityError, match="its own order"), transaction.atomic():
        FulfillmentItem.objects.create(fulfillment=parcel_of(order), item=items_of(other)[0], quantity=1)


def test_a_voided_parcel_counts_no_more_and_stays_void() -> None:
    order = two_lines()
    parcel = parcel_of(order)
    FulfillmentItem.objects.create(fulfillment=parcel, item=items_of(order)[0], quantity=2)
    Fulfillment.objects.filter(pk=parcel.pk).update(voided_at=NOW())
    assert counts(order) == [(0, 0, 0), (0, 0, 0)]
    with pytest.raises(IntegrityError, match="stays void"), transaction.atomic():
        Fulfillment.objects.filter(pk=parcel.pk).update(voided_at=None)
    with pytest.raises(IntegrityError, match="its own order"), transaction.atomic():
        FulfillmentItem.objects.create(fulfillment=parcel, item=items_of(order)[1], quantity=1)


def test_the_database_refuses_more_back_than_was_sent() -> None:
    order = two_lines()
    mugs = write_partly_sent(order)
    back = Return.objects.create(order=order, status="received", received_at=NOW(), **ANA.columns)
    came = ReturnItem.objects.create(order_return=back, item=mugs, quantity=3, received=1, condition="damaged")
    assert counts(order)[0] == (2, 0, 1)
    ReturnItem.objects.filter(pk=came.pk).update(received=2)
    assert counts(order)[0] == (2, 0, 2)
    for received, message in ((3, "order_item_returned"), (1, "takes none back")):
        with pytest.raises(IntegrityError, match=message), transaction.atomic():
            ReturnItem.objects.filter(pk=came.pk).update(received=received)
    assert back.number.startswith("RMA-")


def test_the_sums_are_written_by_the_triggers_alone() -> None:
    item = items_of(two_lines())[0]
    with pytest.raises(IntegrityError, match="triggers alone"), transaction.atomic():
        OrderItem.objects.filter(pk=item.pk).update(fulfilled=1)
