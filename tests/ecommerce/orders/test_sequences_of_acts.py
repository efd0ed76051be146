"""Any sequence of acts on one order, by people, jobs, Stripe and its dashboard: money and units are counted once.

Acts may be refused; after each that happened, all books agree, and the order can still be brought to its end.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from billing import gateway, stripe_state
from billing.models import CreditNote, Refund
from billing.money import currency as currency_of
from billing.refunds import RetryLater
from customers.actors import Actor
from customers.models import Address
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.books import violations
from ecommerce.bulk_jobs.cancel_and_return import request as request_by_job
from ecommerce.bulk_jobs.fulfill import fulfill as fulfill_by_job
from ecommerce.models import BulkJob, Order, OrderItem, Return, ReturnItem, ShippingRate, ShopSettings, Sku
from ecommerce.orders.apply_results import apply_results
from ecommerce.orders.cancel import cancel
from ecommerce.orders.cancel_items import cancel_items
from ecommerce.orders.errors import OrderError
from ecommerce.orders.execute import execute_refund
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.hold import hold, release
from ecommerce.orders.lines import CustomLine, LineRequest
from ecommerce.orders.place import place
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import retry_refund, settle_outside
from ecommerce.orders.return_order import return_order
from ecommerce.orders.returns import (
    Fee,
    Received,
    approve_return,
    cancel_return,
    close_return,
    decline_return,
    open_return,
    receive_return,
    returnable,
)
from ecommerce.orders.selectors import allowed_acts, open_act, succeeded_payment
from ecommerce.orders.stop_requests import stop_requests
from ecommerce.orders.undo_fulfillment import undo_fulfillment
from tests.support.books import differences
from tests.support.factories import ANA, make_coupon, make_sku, make_user, wanted_by
from tests.support.order_acts import by_hand, payment_of

pytestmark = [pytest.mark.django_db, pytest.mark.full]
NOW = timezone.now
STOCK = 20
PRICES = (1700, 900, 1100)  # in steps of the currency: of a mug, a shirt and an e-book
CURRENCIES = ("eur", "usd", "jpy", "kwd", "isk")
CODES = ("", "HALF", "FREE", "ODD")

quantity = st.integers(0, 3)
sales = st.fixed_dictionaries(
    {
        "quantities": st.tuples(quantity, quantity, quantity, quantity).filter(any),
        "currency": st.sampled_from(CURRENCIES),
        "coupon": st.sampled_from(CODES),
        "token": st.sampled_from(["pm_card_visa", "pm_card_visa", "pm_card_pendingRefund"]),
    }
)


@dataclass(frozen=True)
class Step:
    """An act, and what a user chooses for it: quantities by item, a share of what is left, and two ticks."""

    act: str
    units: tuple[int, ...] = (3, 3, 3, 3)
    share: int = 50
    one: bool = False
    two: bool = False


class Shop:
    """One order, with all who may do something to it."""

    def __init__(self, fake_stripe: FakeStripeServer, address: Address, job_user: Any, sale: dict[str, Any]) -> None:
        self.stripe, self.user = fake_stripe, job_user
        self.step = currency_of(sale["currency"]).step
        self.skus = list(Sku.objects.filter(currency=sale["currency"]).order_by("pk"))
        lines = [
            *(LineRequest(sku_id=sku.pk, quantity=n) for sku, n in zip(self.skus, sale["quantities"], strict=False)),
            LineRequest(
                quantity=sale["quantities"][3],
                custom=CustomLine(
                    description="Engraving", unit_price=300 * self.step, currency=sale["currency"], shippable=True
                ),
            ),
        ]
        mugs, shirts, _books, engravings = sale["quantities"]
        is_free = sale["coupon"] == "FREE" and not (mugs or shirts or engravings)  # else it pays the shipping
        token = "" if is_free else sale["token"]
        fields: dict[str, Any] = {"address_id": address.pk, "coupon_code": sale["coupon"], "token": token}
        wanted = wanted_by(address.customer, **fields)
        wanted = replace(wanted, items=tuple(line for line in lines if line.quantity))
        self.key = place(new_order=wanted, by=Actor.staff(job_user), at=NOW()).pk
        assert self.order.status == "paid"
        self.disputed = ""

    @property
    def order(self) -> Order:
        return Order.objects.select_related("invoice").get(pk=self.key)

    @property
    def items(self) -> list[OrderItem]:
        return list(OrderItem.objects.filter(order=self.key).order_by("pk"))

    @property
    def returns(self) -> list[Return]:
        return list(Return.objects.filter(order=self.key, closed_at=None).order_by("pk"))

    def a_return(self, step: Step) -> Return:
        found = self.returns
        if not found:
            raise OrderError("none", "There is no open return.")
        return found[step.share % len(found)]

    def do(self, step: Step) -> bool:
        """Do an act; False where it was refused."""
        known: dict[str, Any] = {"by": ANA, "at": NOW()}
        try:
            getattr(self, f"act_{step.act}")(step, known)
        except OrderError:
            return False
        return True

    def chosen(self, step: Step, left: Callable[[OrderItem], int]) -> list[tuple[int, int]]:
        places = zip(self.items, step.units, strict=False)
        wanted = [(item.pk, min(units, left(item))) for item, units in places]
        return [(key, units) for key, units in wanted if units]

    # Parcels

    def act_fulfill(self, step: Step, known: dict[str, Any]) -> None:
        items = None if step.one else self.chosen(step, lambda item: item.left_to_send)
        fulfill(order_id=self.key, items=items, despite_attention=step.two, **known)

    def act_undo(self, step: Step, known: dict[str, Any]) -> None:
        parcels = list(self.order.fulfillments.order_by("pk").values_list("pk", flat=True))
        some = None if step.one or not parcels else [parcels[step.share % len(parcels)]]
        undo_fulfillment(order_id=self.key, reason="", parcel_ids=some, **known)

    def act_hold(self, step: Step, known: dict[str, Any]) -> None:
        if step.one:
            hold(order_id=self.key, reason="Wait", **known)
        else:
            release(order_id=self.key, **known)

    # Cancellations and refunds

    def act_cancel(self, _step: Step, known: dict[str, Any]) -> None:
        cancel(order_id=self.key, reason="", **known)

    def act_cancel_items(self, step: Step, known: dict[str, Any]) -> None:
        cancel_items(order_id=self.key, items=self.chosen(step, lambda item: item.left), reason="", **known)

    def act_refund(self, step: Step, known: dict[str, Any]) -> None:
        payment = succeeded_payment(self.order)
        left = payment.refundable if payment else 0
        amount = left // self.step * step.share // 100 * self.step
        lines = [(item.pk, units) for item, units in zip(self.items, step.units, strict=False) if units]
        request = RefundRequest(amount=amount) if step.one else RefundRequest(lines=lines, shipping=step.two)
        if step.one and step.two:
            request = RefundRequest(shipping=True) if step.share > 50 else RefundRequest(rest=True)
        refund(order_id=self.key, request=request, reason="", **known)

    # Returns

    def act_open_return(self, step: Step, known: dict[str, Any]) -> None:
        left = returnable(self.order)
        items = self.chosen(step, lambda item: left[item.pk])
        is_withdrawal = step.share > 70
        open_return(order_id=self.key, items=items, reason="", approved=step.one, is_withdrawal=is_withdrawal, **known)

    def act_answer_return(self, step: Step, known: dict[str, Any]) -> None:
        key = self.a_return(step).pk
        if step.one:
            approve_return(return_id=key, **known)
        elif step.two:
            decline_return(return_id=key, answer="Worn", **known)
        else:
            cancel_return(return_id=key, **known)

    def act_receive(self, step: Step, known: dict[str, Any]) -> None:
        one = self.a_return(step)
        awaited = Counter[int]()
        for row in one.items.all():
            awaited[row.item_id] += row.quantity - row.received
        condition = ("resellable", "damaged", "missing")[step.share % 3]
        came = [
            Received(item_id=key, quantity=units, condition=condition, restock=step.share % 2 == 0)
            for key, units in self.chosen(step, lambda item: awaited[item.pk])
        ]
        receive_return(return_id=one.pk, received=came, complete=step.one, **known)

    def act_close_return(self, step: Step, known: dict[str, Any]) -> None:
        fees = [Fee(name="Restocking", amount=step.share * self.step)] if step.share > 60 and step.one else []
        close_return(return_id=self.a_return(step).pk, refund=step.one, shipping=step.two, fees=fees, **known)

    def act_return_order(self, step: Step, known: dict[str, Any]) -> None:
        return_order(order_id=self.key, reason="", restock=step.one, **known)

    # Jobs

    def act_job(self, step: Step, known: dict[str, Any]) -> None:
        action = ("fulfill", "cancel", "return")[step.share % 3]
        job = BulkJob(action=action, reason="", restock=step.one, rights_of=self.user, total=1)
        with transaction.atomic():
            order = Order.objects.locked().select_related("invoice").get(pk=self.key)
            if action == "fulfill":
                fulfill_by_job(job, [order], at=known["at"])
            else:
                request_by_job(job, [order], at=known["at"])

    def act_stop(self, _step: Step, known: dict[str, Any]) -> None:
        with transaction.atomic():
            order = Order.objects.locked().get(pk=self.key)
            act = open_act(order)
            if act and act.of_jobs_only:
                stop_requests([order], [act], reason="Stopped", at=known["at"])

    # Stripe

    def act_settle(self, _step: Step, known: dict[str, Any]) -> None:
        act = open_act(self.order)
        if act and act.refund_id:
            execute_refund(refund_id=act.refund_id, at=known["at"])

    def act_dispute(self, step: Step, _known: dict[str, Any]) -> None:
        if self.disputed or succeeded_payment(self.order) is None or not self.at_stripe():
            return
        intent = payment_of(self.order).stripe_payment_intent_id
        self.disputed = str(self.stripe.post("disputes", {"payment_intent": intent})["id"])
        self.hear(stripe_state.fetch_dispute(self.disputed))

    def act_win(self, _step: Step, _known: dict[str, Any]) -> None:
        if self.is_disputed:
            self.stripe.post(f"disputes/{self.disputed}/close", {"status": "won"})
            self.hear(stripe_state.fetch_dispute(self.disputed))

    def act_dashboard(self, step: Step, _known: dict[str, Any]) -> None:
        if succeeded_payment(self.order) is None or self.is_disputed:
            return
        amount = self.at_stripe() // self.step * step.share // 100 * self.step
        if amount:
            by_hand(self.order, amount)
        if step.one:
            self.hear_refunds()

    def act_bank(self, step: Step, _known: dict[str, Any]) -> None:
        """The bank ends a refund, days later."""
        of_order = Refund.objects.filter(payment__invoice__order=self.key).exclude(stripe_refund_id=None)
        ours = list(of_order.filter(status__in=["pending", "succeeded"]).order_by("pk"))
        if ours:
            chosen = ours[step.share % len(ours)]
            status = "failed" if step.one else "succeeded"
            self.stripe.post(f"refunds/{chosen.stripe_refund_id}/settle", {"status": status})
            self.hear(stripe_state.fetch_refund(chosen.stripe_refund_id or ""))

    @property
    def is_disputed(self) -> bool:
        payment = succeeded_payment(self.order)
        return payment is not None and payment.dispute == "open"

    def at_stripe(self) -> int:
        """What Stripe can still refund."""
        intent = payment_of(self.order)
        found = gateway.list_refunds(intent.stripe_payment_intent_id or "")
        return int(intent.amount) - sum(each.amount for each in found if each.status not in {"failed", "canceled"})

    def own(self, ledger: dict[str, Any]) -> dict[str, Any]:
        """What Stripe's book says of this order."""
        key = payment_of(self.order).stripe_payment_intent_id if succeeded_payment(self.order) else ""
        return {
            "payment_intents": [each for each in ledger["payment_intents"] if each["id"] == key],
            "refunds": [each for each in ledger["refunds"] if each["payment_intent"] == key],
        }

    def hear(self, results: Sequence[Any]) -> None:
        # There may be no room yet for a refund made in the dashboard, until ours has been refused.
        with suppress(RetryLater):
            apply_results(results=results, at=NOW())

    def hear_refunds(self) -> None:
        for result in stripe_state.fetch_refunds_of_intent(payment_of(self.order).stripe_payment_intent_id or ""):
            self.hear([result])

    # What a user does about trouble

    def act_retry(self, step: Step, known: dict[str, Any]) -> None:
        if step.one:
            settle_outside(order_id=self.key, note="In cash", **known)
        else:
            retry_refund(order_id=self.key, **known)

    # What holds after each act

    def check(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        assert list(map(str, violations())) == []
        self.check_stock()
        self.check_offers()

    def check_stock(self) -> None:
        expected = {sku.pk: STOCK for sku in self.skus}
        order = self.order
        for item in self.items:
            assert 0 <= item.canceled <= item.quantity
            assert item.fulfilled + item.canceled <= item.quantity
            if item.sku_id:
                expected[item.sku_id] -= item.quantity - item.canceled
                back = ReturnItem.objects.filter(item=item, restock=True).values_list("received", flat=True)
                expected[item.sku_id] += sum(back)
                whole = order.acts.filter(kind="return", lines=[], outcome="done", restock=True).exists()
                if whole and not item.shippable:
                    expected[item.sku_id] += item.quantity - item.canceled
        assert dict(Sku.objects.filter(pk__in=expected).values_list("pk", "inventory_quantity")) == expected
        notes = CreditNote.objects.filter(invoice__order=order, voided_at=None).values_list("amount", flat=True)
        assert sum(notes) == order.amount_refunded

    def check_offers(self) -> None:
        """What the page offers is not refused, and what it says to do can be done."""
        order = self.order
        allowed = allowed_acts(order)
        offers = {
            "cancel": lambda: cancel(order_id=self.key, reason="", by=ANA, at=NOW()),
            "return": lambda: return_order(order_id=self.key, reason="", restock=True, by=ANA, at=NOW()),
            "try_again": lambda: retry_refund(order_id=self.key, by=ANA, at=NOW()),
            "settle_outside": lambda: settle_outside(order_id=self.key, note="In cash", by=ANA, at=NOW()),
        }
        refusals = {name: error for name in offers if name in allowed and (error := refusal_of(offers[name]))}
        assert {name: error for name, error in refusals.items() if error.code != "return_open"} == {}
        if "cancel the order" in order.attention:
            assert "cancel" in allowed
        if "return the order" in order.attention and not self.returns:
            assert "return" in allowed

    # The end

    def finish(self) -> None:
        """Bring the order to its end by what its page offers, and all money back."""
        self.do(Step("win"))
        for _ in range(4):
            self.do(Step("settle"))
            if succeeded_payment(self.order):
                self.hear_refunds()
            self.do(Step("retry"))
            self.do(Step("settle"))
        self.do(Step("hold", one=False))
        for one in self.returns:
            self.end_return(one)
        ends = (Step("cancel"), Step("cancel_items"), Step("return_order", one=True))
        for step in (*ends, Step("refund", one=True, two=True, share=0)):
            self.do(step)
            self.do(Step("settle"))
        order = self.order
        assert order.status in {"canceled", "returned"}
        assert (order.amount_refunded + order.fees_kept, open_act(order)) == (order.total, None)
        assert order.attention == ""

    def end_return(self, one: Return) -> None:
        known: dict[str, Any] = {"return_id": one.pk, "by": ANA, "at": NOW()}
        if one.status == "requested":
            approve_return(**known)
        if one.status != "received":
            receive_return(received=[], complete=True, **known)
        close_return(refund=any(row.received for row in one.items.all()), shipping=False, fees=(), **known)
        self.do(Step("settle"))


def refusal_of(act: Callable[[], object]) -> OrderError | None:
    """The error by which an act would be refused; it is rolled_back."""
    with rolled_back():
        try:
            act()
        except OrderError as error:
            return error
    return None


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo all that happens. No transaction of Django's own, within which Stripe must not be called."""
    savepoint = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(savepoint)


ACTS = sorted(name.removeprefix("act_") for name in dir(Shop) if name.startswith("act_"))
steps = st.builds(
    Step,
    act=st.sampled_from(ACTS),
    units=st.tuples(quantity, quantity, quantity, quantity),
    share=st.integers(1, 100),
    one=st.booleans(),
    two=st.booleans(),
)


@pytest.fixture
def shop(fake_stripe: FakeStripeServer, germany: Address) -> Callable[[dict[str, Any]], Shop]:
    """A shop in Germany that sells the same in several currencies."""
    ShopSettings.objects.update(tax_included_currencies=["eur", "kwd"])
    for currency in CURRENCIES:
        step = currency_of(currency).step
        for name, price in zip(("Mug", "Shirt", "E-book"), PRICES, strict=True):
            known: dict[str, Any] = {"product": name, "shippable": name != "E-book", "stock": STOCK}
            make_sku(f"{name}-{currency}", price=price * step, currency=currency, **known)
        zone = ShippingRate.objects.all()[0].zone
        ShippingRate.objects.filter(currency=currency).delete()
        ShippingRate.objects.create(zone=zone, name="Parcel", currency=currency, price=490 * step)
    for code, percent in zip(CODES[1:], ("50", "100", "33.33"), strict=True):
        make_coupon(code, percent_off=percent)
    user = make_user("clerk", is_superuser=True)
    return lambda sale: Shop(fake_stripe, germany, user, sale)


@settings(
    max_examples=int(os.environ.get("SEQUENCES", "6")),
    derandomize="SEQUENCES" not in os.environ,
    database=None,
    phases=[Phase.generate],
)
@given(sale=sales, acts=st.lists(steps, max_size=14))
def test_money_and_units_are_counted_once(
    shop: Callable[[dict[str, Any]], Shop], sale: dict[str, Any], acts: list[Step]
) -> None:
    with rolled_back():
        note(f"{sale} {acts}")
        run(shop(sale), acts)


def run(one: Shop, acts: list[Step]) -> None:
    for step in acts:
        if one.do(step):
            one.check()
    one.finish()
    one.check()
    book = one.stripe.ledger()
    assert differences(one.own(book)) == []
