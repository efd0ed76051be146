"""Each rule of our own books, broken by hand: the query of that rule says so, and nothing else hides it."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import CreditNote, Difference, Payment
from ecommerce import books
from ecommerce.book_queries import QUERIES
from ecommerce.models import Coupon, Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from tests.support.admin import signed_in
from tests.support.factories import ANA, make_coupon, place_order
from tests.support.order_acts import fulfilled, paid, settle

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now


def canceled() -> Order:
    return settle(cancel(order_id=paid().pk, reason="", by=ANA, at=NOW()))


def refunded_in_part() -> Order:
    return settle(refund(order_id=paid().pk, request=RefundRequest(amount=300), reason="", by=ANA, at=NOW()))


def with_coupon() -> Order:
    make_coupon()
    return paid(coupon_code="SAVE10")


def declined() -> Order:
    return place_order(token="pm_card_chargeDeclined")


ORDER = "UPDATE ecommerce_order SET {} WHERE id = %(order)s"
INVOICE = "UPDATE billing_invoice SET {} WHERE id = %(invoice)s"
PAYMENT = "UPDATE billing_payment SET {} WHERE invoice_id = %(invoice)s"
TAXED = """
INSERT INTO ecommerce_taxline
    (order_id, country, region, name, rate, category, reason, taxable, amount, included, source)
VALUES (%(order)s, 'DE', '', 'VAT', 19, 'S', '', 100, 19, false, 'table')
"""
# What triggers keep is damaged without them.
UNKEPT = "SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE {0} DISABLE TRIGGER USER; {1}; ALTER TABLE {0} ENABLE TRIGGER USER"
LINE = "billing_invoiceline"
DAMAGES: list[tuple[Callable[[], Order], str, str]] = [
    # An order canceled with its money kept.
    (paid, ORDER.format("status = 'canceled', canceled_at = now(), held_at = NULL"), "ended_refunded"),
    # Created with its money taken.
    (paid, ORDER.format("status = 'created', paid_at = NULL"), "order_charged"),
    # Another total than was paid.
    (paid, ORDER.format("total = total + 100, subtotal = subtotal + 100"), "order_charged"),
    (paid, ORDER.format("total = total + 100, shipping = 100"), "order_invoice"),
    (paid, INVOICE.format("reference = '1'"), "order_invoice"),
    (paid, PAYMENT.format("amount = amount + 1"), "payment_invoice"),
    # Refunded amounts that no refund explains.
    (paid, ORDER.format("amount_refunded = 100"), "order_refunded"),
    (paid, INVOICE.format("amount_refunded = 100"), "invoice_refunded"),
    (paid, PAYMENT.format("refunds = 100"), "payment_refunds"),
    (refunded_in_part, "UPDATE billing_creditnote SET voided_at = now()", "refund_credit_note"),
    (refunded_in_part, "UPDATE billing_refund SET status = 'failed'", "credit_note_refund"),
    (declined, PAYMENT.format("status = 'processing', closed_at = NULL"), "open_act"),
    (paid, "UPDATE ecommerce_orderact SET closed_at = NULL, outcome = ''", "open_act"),
    (canceled, ORDER.format("status = 'paid', canceled_at = NULL"), "closed_act"),
    (paid, ORDER.format("held_at = NULL"), "order_stock"),
    (declined, ORDER.format("held_at = now()"), "order_stock"),
    (paid, "UPDATE ecommerce_orderitem SET amount = amount * 2, quantity = quantity * 2", "order_items"),
    (paid, "UPDATE ecommerce_orderitem SET discount = 1", "order_items"),
    (paid, TAXED, "order_taxes"),
    (paid, ORDER.format("tax_calculation_id = 'taxcalc_1'"), "tax_recorded"),
    (refunded_in_part, "DELETE FROM billing_refundallocation", "refund_allocations"),
    (refunded_in_part, UNKEPT.format(LINE, f"UPDATE {LINE} SET refunded = 5"), "cells_refunded"),
    (refunded_in_part, UNKEPT.format(LINE, f"UPDATE {LINE} SET refunded_quantity = 1"), "cells_refunded"),
    (
        refunded_in_part,
        UNKEPT.format("billing_refundallocation", "DELETE FROM billing_refundallocation"),
        "cells_refunded",
    ),
    (with_coupon, "UPDATE ecommerce_coupon SET times_redeemed = 5", "coupon_uses"),
    (paid, "UPDATE billing_counter SET value = 0", "numbers"),
]


def broken() -> set[str]:
    return {each.rule for each in books.violations()}


@pytest.mark.parametrize(("make", "damage", "rule"), DAMAGES, ids=[f"{each[2]}-{n}" for n, each in enumerate(DAMAGES)])
def test_damage_by_hand_is_found(make: Callable[[], Order], damage: str, rule: str) -> None:
    order = make()
    assert broken() == set()
    with connection.cursor() as cursor:
        cursor.execute(damage, {"order": order.pk, "invoice": order.invoice_id})
    assert rule in broken()


def test_orders_in_every_state_break_no_rule() -> None:
    for make in (paid, fulfilled, canceled, refunded_in_part, with_coupon, declined):
        make()
    place_order(token="pm_card_authenticationRequired")
    cancel(order_id=paid().pk, reason="", by=ANA, at=NOW())
    assert list(books.violations()) == []
    assert set(QUERIES) == set(books.TITLES)


def test_what_is_found_is_listed_once_counted_by_rule_and_ends_by_itself() -> None:
    first, second = paid(), paid()
    Order.objects.update(amount_refunded=100)
    books.check(run_id=1, at=NOW())
    books.check(run_id=2, at=NOW())
    assert Difference.objects.filter(rule="order_refunded", resolved_at=None).count() == 2
    page = signed_in("billing.view_difference").get("/admin/").content.decode()
    assert "An order&#x27;s refunded amount is that of its refunds</a>" in page
    Order.objects.filter(pk=first.pk).update(amount_refunded=0)
    books.check(run_id=3, at=NOW())
    assert [each.stripe_id for each in Difference.objects.filter(resolved_at=None)] == [
        f"order_refunded order {second.number}"
    ]
    assert Difference.objects.exclude(resolved_at=None).get().outcome == "agrees"


def test_a_rule_that_fails_is_a_difference_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    paid()
    Payment.objects.update(refunds=100)
    monkeypatch.setitem(QUERIES, "payment_invoice", "SELECT 1/0, ''")
    books.check(run_id=1, at=NOW())
    kinds = set(Difference.objects.values_list("kind", "stripe_id"))
    assert ("not_judged", "rule payment_invoice") in kinds
    assert any(key.startswith("payment_refunds ") for _kind, key in kinds)
    assert CreditNote.objects.count() == Coupon.objects.count() == 0
