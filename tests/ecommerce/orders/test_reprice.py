"""An order that is paid later is paid at what it costs then, once somebody has accepted that."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from billing.models import Invoice, Payment
from billing.results import PaymentResult
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Coupon, Order, Product, Sku
from ecommerce.orders.apply_results import apply_results
from ecommerce.orders.cancel import cancel
from ecommerce.orders.pay import pay
from ecommerce.orders.reprice import accept_price
from tests.support.factories import ANA, make_coupon, make_sku, place_order
from tests.support.order_acts import at_once, fresh, kinds, payment_of, refused, settle, sweep_now

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
NOW = timezone.now
DECLINED = "pm_card_chargeDeclined"


def declined(**fields: Any) -> Order:
    order = place_order(token=DECLINED, quantity=2, **fields)
    assert (order.status, order.money_state, order.held_at) == ("created", "payment_failed", None)
    return order


def pay_with(order: Order, expected_total: int | None = None, token: str = "pm_card_visa") -> Order:
    return pay(order_id=order.pk, by=ANA, at=NOW(), token=token, expected_total=expected_total)


def agree(order: Order) -> None:
    """Order, items, invoice, lines and payment say the same."""
    order = fresh(order)
    invoice, payment = order.invoice, payment_of(order)
    assert invoice
    assert invoice.total == order.total == payment.amount == invoice.amount_paid
    assert sum(item.amount for item in order.items.all()) == order.subtotal == invoice.subtotal
    assert sorted(invoice.lines.values_list("sku_code", "quantity", "unit_price", "amount")) == sorted(
        order.items.values_list("sku_code", "quantity", "unit_price", "amount")
    )
    assert Invoice.objects.filter(reference=order.number).exclude(status="void").count() == 1


def test_a_price_that_is_the_same_needs_nobody() -> None:
    order = declined()
    assert pay_with(order).status == "paid"
    assert Invoice.objects.get().status == "paid"
    agree(order)


@pytest.mark.parametrize("price", [1400, 1600])
def test_another_price_is_accepted_first_and_gets_another_invoice(price: int, ledger: Any) -> None:
    order = declined()
    old = order.invoice
    Sku.objects.update(price=price)
    with refused("price_changed"):
        pay_with(order)
    with refused("price_changed"):
        pay_with(order, expected_total=3000)
    paid = pay_with(order, expected_total=2 * price)
    assert (paid.status, paid.total) == ("paid", 2 * price)
    assert list(Invoice.objects.order_by("pk").values_list("status", "total")) == [
        ("void", 3000),
        ("paid", 2 * price),
    ]
    assert old
    assert paid.invoice_id != old.pk
    assert kinds(order).count("price_changed") == 1
    assert ledger()["payment_intents"][-1]["amount"] == 2 * price
    agree(order)


def test_the_refusal_names_the_new_total() -> None:
    order = declined()
    Sku.objects.update(price=1700)
    with pytest.raises(Exception, match=r"The total is USD 34\.00 now, not USD 30\.00\.") as error:
        pay_with(order)
    assert error.value.total == 3400  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda: Sku.objects.update(active=False), "inactive_sku"),
        (lambda: Product.objects.update(active=False), "inactive_sku"),
        (lambda: Sku.objects.update(inventory_type="finite", inventory_quantity=1), "out_of_stock"),
        (lambda: Sku.objects.update(currency="eur"), "currency_changed"),
        (lambda: Sku.objects.update(price=60_000_000), "amount_too_large"),
        (lambda: Sku.objects.update(price=10), "amount_too_small"),
    ],
)
def test_what_cannot_be_sold_any_more_is_not_paid(change: Callable[[], object], code: str) -> None:
    order = declined()
    change()
    for accepted in (None, 3000, 120_000_000, 20):
        with refused(code):
            pay_with(order, expected_total=accepted)


@pytest.mark.parametrize(
    ("change", "total"),
    [
        ({"redeem_by": NOW() - timedelta(minutes=1)}, 3000),
        ({"active": False}, 3000),
        ({"percent_off": 50}, 1500),
    ],
)
def test_a_coupon_that_has_ended_or_changed_changes_the_total(change: dict[str, Any], total: int) -> None:
    make_coupon()
    order = declined(coupon_code="SAVE10")
    assert order.total == 2700
    Coupon.objects.update(**change)
    with refused("price_changed"):
        pay_with(order)
    paid = pay_with(order, expected_total=total)
    assert (paid.status, paid.total, paid.coupon_id is None) == ("paid", total, total == 3000)
    assert Coupon.objects.get().times_redeemed == (0 if total == 3000 else 1)
    agree(order)


def test_a_coupon_that_is_used_up_is_refused() -> None:
    make_coupon("ONCE", percent_off=10, max_redemptions=1)
    order = declined(coupon_code="ONCE")
    Coupon.objects.update(times_redeemed=1)
    with refused("coupon_exhausted"):
        pay_with(order, expected_total=3000)
    Coupon.objects.update(times_redeemed=0)
    assert pay_with(order).total == 2700


def test_two_prices_that_cancel_out_still_reach_the_invoice() -> None:
    order = declined()
    make_coupon("LATER")
    Order.objects.filter(pk=order.pk).update(coupon=make_coupon("FIVE", amount_off=500, currency="usd"))
    Sku.objects.update(price=1750)  # 3500 - 500
    paid = pay_with(order)
    assert (paid.subtotal, paid.discount, paid.total) == (3500, 500, 3000)
    agree(order)


def test_a_total_of_nothing_is_paid_at_once(ledger: Any) -> None:
    order = declined()
    Sku.objects.update(price=0)
    with refused("price_changed"):
        pay_with(order)
    before = len(ledger()["payment_intents"])
    assert pay_with(order, expected_total=0).status == "paid"
    assert len(ledger()["payment_intents"]) == before


def test_the_price_is_checked_before_an_authentication_is_ended(ledger: Any) -> None:
    order = place_order(token="pm_card_authenticationRequired", quantity=2, sku=make_sku(stock=2))
    Sku.objects.update(price=1600)
    with refused("price_changed"):
        pay_with(order)
    assert [each["status"] for each in ledger()["payment_intents"]] == ["requires_action"]
    assert pay_with(order, expected_total=3200).status == "paid"
    assert Sku.objects.get().inventory_quantity == 0
    agree(order)


def test_a_second_decline_at_the_new_price_keeps_it(ledger: Any) -> None:
    order = declined()
    Sku.objects.update(price=1600)
    again = pay_with(order, expected_total=3200, token=DECLINED)
    assert (again.status, again.money_state, again.total) == ("created", "payment_failed", 3200)
    assert pay_with(order).status == "paid"
    assert Invoice.objects.count() == 2
    agree(order)


def test_a_late_success_of_the_old_price_is_refunded(ledger: Any, fake_stripe: FakeStripeServer) -> None:
    order = place_order(token="pm_card_authenticationRequired", quantity=2)
    payment = payment_of(order)
    fake_stripe.post(f"3ds/{payment.stripe_payment_intent_id}", {"outcome": "complete"})
    # Given up here without Stripe's knowing, as after a restore.
    Payment.objects.update(status="failed", closed_at=NOW(), next_attempt_at=None, client_secret="")
    order.acts.update(closed_at=NOW(), outcome="failed")
    Order.objects.update(money_state="payment_failed", held_at=None)
    Sku.objects.update(price=1600)
    late = PaymentResult(
        payment_id=payment.pk, status=Payment.Status.SUCCEEDED, intent_id=payment.stripe_payment_intent_id or ""
    )
    assert pay_with(order, expected_total=3200, token=DECLINED).total == 3200
    apply_results(results=[late], at=NOW())
    assert (fresh(order).status, fresh(order).attention != "") == ("created", True)
    sweep_now()
    assert [(each["amount"], each["status"]) for each in ledger()["refunds"]] == [(3000, "succeeded")]
    assert pay_with(order).status == "paid"
    agree(order)


def test_two_who_accept_at_once_charge_once(ledger: Any) -> None:
    order = declined()
    Sku.objects.update(price=1600)
    came = at_once(*[partial(pay_with, order, 3200)] * 4)
    assert came.count("done") >= 1
    assert [each["amount"] for each in ledger()["payment_intents"] if each["status"] == "succeeded"] == [3200]
    assert Invoice.objects.filter(status="paid").count() == 1
    agree(order)


def test_numbers_have_no_gap_when_the_new_invoice_is_rolled_back() -> None:
    order = declined()
    Sku.objects.update(price=1600)
    with transaction.atomic():
        locked = Order.objects.locked().select_related("customer", "invoice", "coupon").get(pk=order.pk)
        accept_price(locked, expected_total=3200, by=ANA, at=NOW())
        transaction.set_rollback(True)
    pay_with(order, expected_total=3200)
    numbers = [int(number[4:]) for number in Invoice.objects.order_by("pk").values_list("number", flat=True)]
    assert numbers[1] == numbers[0] + 1


def test_a_repriced_order_is_canceled_with_all_its_money() -> None:
    order = declined()
    Sku.objects.update(price=1600)
    pay_with(order, expected_total=3200)
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    assert (settle(order).status, fresh(order).amount_refunded) == ("canceled", 3200)
