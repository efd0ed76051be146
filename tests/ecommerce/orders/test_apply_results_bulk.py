"""Applying many full refunds set-wise writes the same rows as applying them one by one."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import CreditNote, Invoice, Payment, Refund
from billing.settlement import claim_operations, submit_refund
from ecommerce.models import Coupon, Order, OrderAct, OrderEvent, Return
from ecommerce.orders.apply_results import apply_results
from ecommerce.orders.cancel import cancel
from ecommerce.orders.execute import execute_act
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.return_order import return_order
from tests.support.factories import ANA, make_coupon, make_customer, make_sku, place_order

pytestmark = pytest.mark.django_db
STRIPES = ("refund", "payment", "return", "refund_id", "payment_id")


def undone(**fields: Any) -> Order:
    return cancel(order_id=place_order(**fields).pk, reason="Recalled", by=ANA, at=timezone.now())


def returned(*, restock: bool, **fields: Any) -> Order:
    order = fulfill(order_id=place_order(**fields).pk, by=ANA, at=timezone.now())
    return return_order(order_id=order.pk, reason="Broken", restock=restock, by=ANA, at=timezone.now())


def refunded_before() -> Order:
    order = refund(
        order_id=place_order(quantity=2).pk,
        reason="Scratch",
        request=RefundRequest(amount=500),
        by=ANA,
        at=timezone.now(),
    )
    execute_act(act=OrderAct.objects.get(order=order, kind="refund"), at=timezone.now())
    return cancel(order_id=order.pk, reason="", by=ANA, at=timezone.now())


def disputed() -> Order:
    order = place_order()
    Payment.objects.filter(invoice=order.invoice_id).update(dispute="open", dispute_reason="fraudulent")
    return cancel(order_id=order.pk, reason="", by=ANA, at=timezone.now())


def everything() -> None:
    undone(coupon_code="SAVE10", quantity=2)
    undone(token="pm_card_pendingRefund")
    undone()
    returned(restock=True, quantity=3)
    returned(restock=False, coupon_code="SAVE10")
    refunded_before()
    disputed()


def refund_results() -> list[Any]:
    found = []
    for refund_row in Refund.objects.filter(status="requested").order_by("pk"):
        (leased,) = claim_operations(Refund.objects.filter(pk=refund_row.pk))
        leased.payment = refund_row.payment
        found.append(submit_refund(leased))
    return found


def written(found: Any, *names: str) -> list[tuple[Any, ...]]:
    """Read columns, of times and ids only whether they are there."""

    def plain(name: str, value: Any) -> Any:
        return value is None if name.endswith("_at") or name in {"next_attempt_at", "stripe_refund_id"} else value

    return [
        tuple(plain(name, value) for name, value in zip(names, row, strict=True))
        for row in found.order_by("pk").values_list(*names)
    ]


def rows() -> dict[str, list[Any]]:
    """Give all that finishing may have written, without what differs from run to run."""
    times = ("canceled_at", "returned_at", "held_at")
    told = [
        (event.kind, event.by_label, {name: value for name, value in event.data.items() if name not in STRIPES})
        for order in Order.objects.order_by("pk")
        for event in OrderEvent.objects.filter(order=order).order_by("pk")
    ]
    return {
        "orders": written(Order.objects, "status", "money_state", "attention", "amount_refunded", *times),
        "acts": written(OrderAct.objects, "kind", "outcome", "message", "closed_at"),
        "refunds": written(
            Refund.objects,
            "status",
            "amount",
            "failure_code",
            "attention",
            "stripe_refund_id",
            "next_attempt_at",
            "closed_at",
        ),
        "invoices": written(Invoice.objects, "amount_refunded", "amount_paid", "status"),
        "events": told,
        "returns": list(Return.objects.order_by("order").values_list("status", "reason", "by_label")),
        "notes": sorted(CreditNote.objects.values_list("amount", "currency", "voided_at")),
        "numbers": sorted(CreditNote.objects.values_list("number", flat=True)),
        "coupons": list(Coupon.objects.values_list("times_redeemed", flat=True)),
    }


def test_both_ways_leave_the_same_rows(balanced: Callable[[], None]) -> None:
    make_customer()
    make_coupon("SAVE10", percent_off=10)
    sku = make_sku(stock=100)
    everything()
    for result in refund_results():
        apply_results(results=[result], at=timezone.now())
    alone = rows()
    sku.refresh_from_db()
    taken = 100 - sku.inventory_quantity
    everything()
    apply_results(results=refund_results(), at=timezone.now())
    both = rows()

    for name in ("orders", "acts", "refunds", "invoices", "events", "returns"):
        assert both[name] == alone[name] * 2, name
    assert both["notes"] == sorted(alone["notes"] * 2)
    assert both["numbers"] == [f"CN-{number:06}" for number in range(1, len(both["notes"]) + 1)]
    assert both["coupons"] == [2 * used for used in alone["coupons"]] == [2]
    sku.refresh_from_db()
    assert sku.inventory_quantity == 100 - 2 * taken


def test_many_cost_as_many_statements_as_few(balanced: Callable[[], None]) -> None:
    make_customer()
    make_sku(stock=100)
    counts = []
    for many in (3, 9):
        for _each in range(many):
            undone()
        results = refund_results()
        with CaptureQueriesContext(connection) as queries:
            apply_results(results=results, at=timezone.now())
        counts.append(len(queries))
    assert counts[1] <= counts[0] < 30
    assert Order.objects.filter(status="canceled").count() == 12


def test_the_same_result_twice_in_a_batch_counts_once(balanced: Callable[[], None]) -> None:
    for _each in range(2):
        undone()
    results = refund_results()
    apply_results(results=[*results, *results], at=timezone.now())
    apply_results(results=results, at=timezone.now())
    assert CreditNote.objects.count() == 2
