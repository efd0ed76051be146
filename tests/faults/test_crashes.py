"""The crash between any two steps of each act: afterwards the sweep alone brings both books to agree."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from billing import gateway
from billing.models import ComparedObject, Difference, Reconciliation
from billing.reconciliation import records
from billing.reconciliation import run as reconciliation
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, OrderAct, PaymentLink
from ecommerce.orders.cancel import cancel
from ecommerce.orders.execute import execute_act
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.pay import pay_by_link
from ecommerce.orders.payment_links import create_link
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.return_order import return_order
from ecommerce.orders.selectors import open_act
from tests.faults.crashing import crashes, recover
from tests.support.factories import ANA, make_coupon, make_customer, make_sku, place_order
from tests.support.flush import flush

pytestmark = pytest.mark.django_db(transaction=True)
Check = Callable[[], None]


def test_placing_an_order_survives_a_crash_at_any_step(balanced: Check, stride: int) -> None:
    make_customer()
    sku, coupon = make_sku(stock=1000), make_coupon("SAVE10", percent_off=10)
    steps = 0
    for number in crashes(
        lambda: place_order(key=f"form-{Order.objects.count()}", coupon_code="SAVE10"), stride=stride
    ):
        recover()
        steps = number
    place_order(key="form-last", coupon_code="SAVE10")

    assert steps > 60
    assert not Order.objects.exclude(status="paid").exists()
    sku.refresh_from_db()
    coupon.refresh_from_db()
    assert 1000 - sku.inventory_quantity == Order.objects.count() == coupon.times_redeemed
    balanced()


def test_a_form_sent_again_after_a_crash_is_charged_once(
    balanced: Check, stride: int, ledger: Callable[[], dict[str, Any]]
) -> None:
    make_customer()
    make_sku()
    keys = ["form-0"]
    for number in crashes(lambda: place_order(key=keys[-1]), stride=stride):
        placed = place_order(key=keys[-1])
        recover()
        placed.refresh_from_db()
        assert placed.status == "paid", f"after a crash at step {number}"
        keys.append(f"form-{number + 1}")
    assert Order.objects.count() == len(keys)
    assert [each["status"] for each in ledger()["payment_intents"]] == ["succeeded"] * len(keys)


def test_paying_by_a_link_survives_a_crash_at_any_step(balanced: Check, stride: int) -> None:
    make_customer()
    sku = make_sku(stock=1000)

    def linked() -> PaymentLink:
        order = place_order(token="pm_card_chargeDeclined")
        return create_link(order_id=order.pk, by=ANA, at=timezone.now())

    def paid(link: PaymentLink) -> Order:
        return pay_by_link(link=link, token="pm_card_visa", expected_total=1500, by=ANA, at=timezone.now())

    links = [linked()]
    for number in crashes(lambda: paid(links[-1]), stride=stride):
        recover()
        order = Order.objects.get(pk=links[-1].order_id)
        if order.status == "created":  # killed before anything was on disk: the page is sent again
            assert order.money_state == "payment_failed", f"after a crash at step {number}"
            order = paid(links[-1])
        assert order.status == "paid", f"after a crash at step {number}"
        links.append(linked())
    assert Order.objects.get(pk=links[-1].order_id).status == "paid"
    sku.refresh_from_db()
    assert sku.inventory_quantity == 1000 - len(links)
    balanced()


def undone(begin: Callable[..., Any], order_id: int) -> None:
    """Begin an act on an order and settle it, as a page and then the worker do."""
    order = begin(order_id=order_id, by=ANA, at=timezone.now())
    act = open_act(order)
    if act:
        execute_act(act=act, at=timezone.now())


def fulfilled() -> Order:
    """Make an order that was fulfilled."""
    return fulfill(order_id=place_order(quantity=2).pk, by=ANA, at=timezone.now())


@pytest.mark.parametrize(
    ("begin", "prepare", "becomes", "refunded"),
    [
        (partial(cancel, reason="changed their mind"), partial(place_order, quantity=2), "canceled", 3000),
        (partial(return_order, reason="wrong size", restock=True), fulfilled, "returned", 3000),
        (partial(refund, reason="one was broken", request=RefundRequest(amount=500)), fulfilled, "fulfilled", 500),
    ],
    ids=["cancel", "return", "refund"],
)
def test_money_goes_back_once_whatever_the_step_of_the_crash(
    begin: Callable[..., Any], prepare: Callable[[], Order], becomes: str, refunded: int, balanced: Check, stride: int
) -> None:
    sku = make_sku(stock=1000)
    orders = [prepare()]
    for number in crashes(lambda: undone(begin, orders[-1].pk), stride=stride):
        current = orders[-1]
        recover()
        begun = OrderAct.objects.filter(order=current, kind__in=["cancel", "return", "refund"]).exists()
        if not begun:  # killed before the operation was on disk: nothing happened, and it is asked for again
            undone(begin, current.pk)
            recover()
        current.refresh_from_db()
        assert (current.status, current.amount_refunded) == (becomes, refunded), f"after a crash at step {number}"
        orders.append(prepare())
    orders[-1].refresh_from_db()
    assert (orders[-1].status, orders[-1].amount_refunded) == (becomes, refunded)
    sku.refresh_from_db()
    held = sum(2 for order in Order.objects.all() if order.status in {"paid", "fulfilled"})
    assert sku.inventory_quantity == 1000 - held
    balanced()


def lose_an_answer(fake_stripe: FakeStripeServer) -> Order:
    """Place an order whose money Stripe takes without saying so."""
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    return place_order()


def reconciled() -> None:
    """Go on with the pass that was left, or begin one, to its end."""
    reconciliation.run_pass(reconciliation_id=reconciliation.start().pk, until=math.inf)


def books_to_reconcile(fake_stripe: FakeStripeServer) -> Order:
    """Empty both books, and write two pages of charges: two orders, money of nobody, and an order without an answer."""
    fake_stripe.forget()
    flush()
    for _ in range(2):
        place_order()
    past_us: Any = {"amount": 700, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    # Ours by its metadata, as after a restore: without any it would be another program's, and no difference.
    past_us["metadata"] = {"payment": str(uuid4()), "order": "999999"}
    gateway.create_intent(params=past_us | {"allowed_payment_method_types": ["card"]}, key="past-us")
    return lose_an_answer(fake_stripe)


# The books are the same each time, and so are the steps: every step has its turn in one of these.
@pytest.mark.parametrize(
    ("first", "stride"), [(0, 39), *(pytest.param(first, 13, marks=pytest.mark.full) for first in range(13))]
)
def test_reconciling_goes_on_after_a_crash_at_any_step(
    empty_stripe: FakeStripeServer, transactional_db: None, monkeypatch: pytest.MonkeyPatch, first: int, stride: int
) -> None:
    for module in (records, gateway):
        monkeypatch.setattr(module, "PAGE", 2)
    order, passes = books_to_reconcile(empty_stripe), 0
    for _number in crashes(reconciled, stride=stride, first=first):
        left = Reconciliation.objects.filter(finished_at=None)
        left.update(next_attempt_at=timezone.now())  # its lease runs out, and the sweep rings
        reconciled()
        order.refresh_from_db()
        assert (order.status, left.count()) == ("paid", 0)
        assert [each.kind for each in Difference.objects.all()] == ["charge_unknown"]
        assert ComparedObject.objects.count() == 0
        order, passes = books_to_reconcile(empty_stripe), passes + 1
    order.refresh_from_db()
    assert (order.status, ComparedObject.objects.count()) == ("paid", 0)
    assert passes > 50 // stride
    assert Difference.objects.count() == 1
