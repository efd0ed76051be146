"""Several parcels in one act, orders on hold, and a button that is pressed twice."""

from functools import partial

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from ecommerce.bulk_jobs.preview import preview
from ecommerce.models import Fulfillment, Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.cancel_items import cancel_items
from ecommerce.orders.fulfill import fulfill, fulfill_in_parcels
from ecommerce.orders.parcels import Parcel, left_fingerprint
from ecommerce.orders.selectors import allowed_acts
from tests.support.bulk_jobs import a_clerk, outcomes, run
from tests.support.factories import ANA, make_sku
from tests.support.order_acts import at_once, counts, fresh, items_of, kinds, paid, paid_lines, refused, settle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
NOW = timezone.now
UPS = "1Z5R89390357567127"


@pytest.fixture
def order() -> Order:
    """A paid order of 3 mugs and 2 shirts."""
    return paid_lines((make_sku("MUG", shippable=True), 3), (make_sku("TEE", shippable=True), 2))


def test_several_parcels_leave_at_once(order: Order) -> None:
    mugs, shirts = items_of(order)
    parcels = [
        Parcel(items=[(mugs.pk, 2), (shirts.pk, 1)], carrier="united parcel service", tracking_numbers=[UPS, UPS]),
        Parcel(carrier="Own van", tracking_numbers=["trip 1", "", "33 1881 0025"]),
    ]
    seen = left_fingerprint([mugs, shirts])
    sent = fulfill_in_parcels(order_id=order.pk, parcels=parcels, by=ANA, at=NOW(), seen_left=seen)
    assert (sent.status, sent.fulfillment_state, counts(order)) == ("fulfilled", "", [(3, 0, 0), (2, 0, 0)])
    first, second = order.fulfillments.order_by("pk")
    assert (first.carrier, first.tracking_numbers) == ("UPS", [UPS])
    assert (second.carrier, second.tracking_numbers) == ("Own van", ["trip 1", "3318810025"])
    assert dict(second.items.values_list("item", "quantity")) == {mugs.pk: 1, shirts.pk: 1}
    event = order.events.latest("pk")
    assert (event.kind, event.data["fulfillments"]) == ("fulfilled", [first.pk, second.pk])
    assert event.data["parcels"][0].endswith(f"(UPS {UPS})")


def test_a_carrier_is_guessed_from_the_number(order: Order) -> None:
    fulfill(order_id=order.pk, tracking_number=UPS.lower(), by=ANA, at=NOW())
    assert (Fulfillment.objects.get().carrier, Fulfillment.objects.get().tracking_number) == ("UPS", UPS)


def test_parcels_hold_no_more_than_is_left_together(order: Order) -> None:
    mugs, _shirts = items_of(order)
    for parcels in (
        [Parcel(items=[(mugs.pk, 2)]), Parcel(items=[(mugs.pk, 2)])],
        [Parcel(items=[(mugs.pk, 2)]), Parcel(items=[])],
        [Parcel(), Parcel(carrier="DHL")],
        [Parcel(items=[(mugs.pk, 0)])],
        [],
    ):
        with refused("invalid_items"):
            fulfill_in_parcels(order_id=order.pk, parcels=parcels, by=ANA, at=NOW())
    with refused("invalid_tracking_number"):
        fulfill(order_id=order.pk, carrier="x" * 101, by=ANA, at=NOW())
    with refused("invalid_tracking_number"):
        numbers = [str(number) for number in range(21)]
        fulfill_in_parcels(order_id=order.pk, parcels=[Parcel(tracking_numbers=numbers)], by=ANA, at=NOW())


def test_a_form_that_is_out_of_date_sends_nothing_and_says_who_was_first(order: Order) -> None:
    mugs, shirts = items_of(order)
    seen = left_fingerprint([mugs, shirts])
    press = partial(fulfill_in_parcels, order_id=order.pk, parcels=[Parcel(items=[(mugs.pk, 1)])], seen_left=seen)
    press(by=ANA, at=NOW())
    with refused("changed"):
        press(by=ANA, at=NOW())
    with pytest.raises(Exception, match=r"has changed since this page was opened \(partly fulfilled by Ana at .*\)"):
        press(by=ANA, at=NOW())
    assert Fulfillment.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_button_pressed_twice_sends_once(order: Order) -> None:
    mugs, shirts = items_of(order)
    press = partial(
        fulfill_in_parcels, order_id=order.pk, parcels=[Parcel(items=[(mugs.pk, 1)])], by=ANA, at=NOW(),
        seen_left=left_fingerprint([mugs, shirts]),
    )  # fmt: skip
    assert sorted(at_once(*[press] * 4)) == ["changed"] * 3 + ["done"]
    assert counts(order) == [(1, 0, 0), (0, 0, 0)]


def test_an_order_on_hold_is_not_sent_whoever_asks(order: Order) -> None:
    other = paid()
    Order.objects.filter(pk=order.pk).update(on_hold=True, hold_reason="Address unclear")
    for despite in (False, True):
        with refused("on_hold"):
            fulfill(order_id=order.pk, by=ANA, at=NOW(), despite_attention=despite)
    with pytest.raises(Exception, match=rf"Order {order.number} is on hold: Address unclear. Release it first."):
        fulfill(order_id=order.pk, by=ANA, at=NOW())
    assert "fulfill" not in allowed_acts(fresh(order))
    reasons = outcomes(run("fulfill", [order, other], a_clerk()))
    assert reasons[order.number][0] == "skipped"
    assert "is on hold: Address unclear" in reasons[order.number][1]
    assert (reasons[other.number], fresh(order).status) == (("done", ""), "paid")


def test_a_job_over_what_is_left_names_its_carrier(order: Order) -> None:
    digital, on_hold, troubled = paid(), paid(), paid()
    Order.objects.filter(pk=on_hold.pk).update(on_hold=True)
    Order.objects.filter(pk=troubled.pk).update(attention="Look at it.")
    fulfill(order_id=order.pk, items=[(items_of(order)[0].pk, 1)], by=ANA, at=NOW())
    seen = preview("fulfill", Order.objects.all())
    assert (seen.changes, seen.skips) == (2, [(1, "1 needs attention."), (1, "1 is on hold; release it first.")])
    clerk = a_clerk()
    clerk.user_permissions.add(Permission.objects.get(codename="fulfill_attention_order"))
    job = run(
        "fulfill", Order.objects.all(), clerk, parameters={"carrier": "DHL"}, fulfill_despite_attention=[troubled.pk]
    )
    assert {number: status for number, (status, _reason) in outcomes(job).items()} == {
        order.number: "done", digital.number: "done", on_hold.number: "skipped", troubled.number: "done",
    }  # fmt: skip
    assert counts(order) == [(3, 0, 0), (2, 0, 0)]
    assert [parcel.carrier for parcel in Fulfillment.objects.order_by("pk")] == ["", "DHL"]
    Order.objects.filter(pk=troubled.pk).update(attention="")


def test_orders_that_are_not_shipped_need_no_parcel_but_may_have_one() -> None:
    bare, told = paid(), paid()
    fulfill_in_parcels(order_id=bare.pk, parcels=[Parcel()], by=ANA, at=NOW(), seen_left="")
    fulfill(order_id=told.pk, carrier="By hand", by=ANA, at=NOW())
    assert [order.fulfillments.count() for order in (bare, told)] == [0, 1]
    assert kinds(bare)[-1] == "fulfilled"


@pytest.mark.django_db(transaction=True)
def test_an_item_that_is_sent_and_canceled_at_once_is_one_of_both(order: Order) -> None:
    mugs, _shirts = items_of(order)
    came = at_once(
        partial(fulfill, order_id=order.pk, items=[(mugs.pk, 3)], by=ANA, at=NOW()),
        partial(cancel_items, order_id=order.pk, items=[(mugs.pk, 3)], reason="", by=ANA, at=NOW()),
    )
    assert came.count("done") == 1
    assert Fulfillment.objects.count() == (came[0] == "done")
    if came[1] == "done":
        settle(order)
    assert counts(order)[0] in {(3, 0, 0), (0, 3, 0)}


@pytest.mark.django_db(transaction=True)
def test_what_is_canceled_while_it_is_sent_is_one_of_both(order: Order) -> None:
    came = at_once(
        partial(fulfill, order_id=order.pk, by=ANA, at=NOW()),
        partial(cancel, order_id=order.pk, reason="", by=ANA, at=NOW()),
    )
    assert came in (["done", "wrong_status"], ["in_progress", "done"])
    assert Fulfillment.objects.count() == (came[0] == "done")
