"""The database itself refuses to give back more than a cell holds, whoever writes to it and however."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing.models import Invoice, InvoiceLine, InvoiceTax, Payment, Refund, RefundAllocation
from ecommerce.models import Order
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.pricing.order import CouponTerms, Line, Shipping, price
from tests.support.factories import ANA
from tests.support.order_acts import settle
from tests.support.sales import as_taxes
from tests.support.sold import sold

pytestmark = pytest.mark.django_db
NOW = timezone.now
QUEBEC = as_taxes([("CA", "GST", "5"), ("CA", "QST", "9.975")])
ALLOCATE = """
INSERT INTO billing_refundallocation (refund_id, invoice_line_id, invoice_tax_id, quantity, amount)
VALUES (%(refund)s, %(line)s, %(tax)s, %(quantity)s, %(amount)s)
"""
Cell = tuple[int | None, int | None, int]


def taxed(*, included: bool = False) -> Order:
    """Two lines of two taxes each, a coupon, and shipping taxed as well."""
    lines = [
        Line(unit_price=3000, quantity=2, taxes=QUEBEC),
        Line(unit_price=1999, quantity=3, discount=200, taxes=QUEBEC),
    ]
    coupon = CouponTerms(code="SAVE", percent_off=Decimal(10))
    shipping = Shipping(price=990, taxes=QUEBEC)
    return sold(price(lines, currency="cad", coupon=coupon, shipping=shipping, prices_include_tax=included), lines)


def part(order: Order, **request: Any) -> Refund:
    refund(order_id=order.pk, request=RefundRequest(**request), reason="", by=ANA, at=NOW())
    settle(order)
    return Refund.objects.latest("pk")


def all_cells() -> list[Cell]:
    """Line, tax, and what is held, of each cell of the one invoice."""
    invoice = Invoice.objects.get()
    lines: list[Cell] = [(line.pk, None, line.net - line.refunded) for line in InvoiceLine.objects.order_by("pk")]
    taxes: list[Cell] = [(tax.line_id, tax.pk, tax.amount - tax.refunded) for tax in InvoiceTax.objects.order_by("pk")]
    return [*lines, *taxes, (None, None, invoice.shipping_net - invoice.shipping_refunded)]


def requested(amount: int) -> Refund:
    """A refund that says nothing yet of what it gives back."""
    return Refund.objects.create(payment=Payment.objects.get(), amount=amount, currency="cad", status="requested")


def run(sql: str, **values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


def refuse(sql: str, **values: Any) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        run(sql, **values)


@pytest.mark.parametrize("included", [False, True], ids=["exclusive", "inclusive"])
def test_no_cell_is_given_back_twice(included: bool) -> None:  # noqa: FBT001
    part(taxed(included=included), amount=1234)
    cells = all_cells()
    assert len(cells) == 9
    assert sum(held for *_of, held in cells) == Payment.objects.get().refundable
    other = requested(1)
    for line, tax, held in cells:
        values = {"refund": other.pk, "line": line, "tax": tax, "quantity": 0}
        refuse(ALLOCATE, **values, amount=held + 1)
        refuse(ALLOCATE, **values, amount=-1)
        refuse(ALLOCATE, **values, amount=0)
        run(ALLOCATE, **values, amount=held)
        third = {**values, "refund": requested(1).pk}
        refuse(ALLOCATE, **third, amount=1)
    for row in InvoiceLine.objects.all():
        values = {"refund": requested(1).pk, "line": row.pk, "tax": None, "amount": 0}
        refuse(ALLOCATE, **values, quantity=row.quantity + 1)
        refuse(ALLOCATE, **values, quantity=-1)


def test_units_belong_to_the_price_of_a_line_alone() -> None:
    taxed()
    other = requested(1)
    tax = InvoiceTax.objects.exclude(line=None).earliest("pk")
    refuse(ALLOCATE, refund=other.pk, line=tax.line_id, tax=tax.pk, quantity=1, amount=1)
    refuse(ALLOCATE, refund=other.pk, line=None, tax=None, quantity=1, amount=1)
    # A tax is one of its own line, a line one of its own invoice.
    refuse(ALLOCATE, refund=other.pk, line=None, tax=tax.pk, quantity=0, amount=1)
    another = InvoiceLine.objects.latest("pk")
    refuse(ALLOCATE, refund=other.pk, line=another.pk, tax=tax.pk, quantity=0, amount=1)


@pytest.mark.parametrize("request_of", [
    lambda order: {"lines": [(order.items.earliest("pk").pk, 2)]},
    lambda order: {"shipping": True},
], ids=["line", "shipping"])  # fmt: skip
def test_a_refund_that_failed_comes_back_only_where_its_cells_are_free(request_of: Callable[[Order], Any]) -> None:
    order = taxed()
    failed = part(order, **request_of(order))
    run("UPDATE billing_refund SET status = 'failed' WHERE id = %(id)s", id=failed.pk)
    assert sum(held for *_of, held in all_cells()) == Payment.objects.get().amount
    run("UPDATE billing_refund SET status = 'succeeded' WHERE id = %(id)s", id=failed.pk)
    run("UPDATE billing_refund SET status = 'failed' WHERE id = %(id)s", id=failed.pk)
    part(order, **request_of(order))
    assert Payment.objects.get().refundable > failed.amount
    for status in ("requested", "pending", "succeeded"):
        refuse("UPDATE billing_refund SET status = %(status)s WHERE id = %(id)s", status=status, id=failed.pk)


@pytest.mark.parametrize(
    "change",
    [
        "billing_invoiceline SET refunded = 0",
        "billing_invoiceline SET refunded = refunded + 1",
        "billing_invoiceline SET refunded_quantity = 0",
        "billing_invoiceline SET refunded_quantity = quantity",
        "billing_invoicetax SET refunded = 0",
        "billing_invoicetax SET refunded = refunded + 1",
        "billing_invoice SET shipping_refunded = 0",
        "billing_invoice SET shipping_refunded = shipping_refunded - 1",
        "billing_invoiceline SET amount = amount * 2, quantity = quantity * 2",
        "billing_invoiceline SET discount = 0",
        "billing_invoiceline SET tax = 0",
        "billing_invoiceline SET prices_include_tax = true",
        "billing_invoicetax SET amount = amount + 1",
        "billing_refundallocation SET amount = 1",
        "billing_refundallocation SET refund_id = refund_id + 1",
        "billing_refund SET payment_id = payment_id + 1",
    ],
)
def test_sums_and_what_they_are_held_against_are_kept_by_triggers_alone(change: str) -> None:
    order = taxed()
    part(order, lines=[(order.items.earliest("pk").pk, 1), (order.items.latest("pk").pk, 2)], shipping=True)
    refuse(f"UPDATE {change}")


def test_an_invoice_saved_from_old_memory_does_not_open_its_shipping_again() -> None:
    order = taxed()
    remembered = Invoice.objects.get()
    part(order, shipping=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        remembered.save()
    remembered.refresh_from_db()
    remembered.save()


def test_lines_taxes_and_allocations_with_refunds_are_not_deleted() -> None:
    part(taxed(), amount=1234)
    for table in ("billing_invoiceline", "billing_invoicetax", "billing_refund"):
        with pytest.raises(IntegrityError), transaction.atomic():
            run(f"DELETE FROM {table}; SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.django_db(transaction=True)
def test_a_refund_that_comes_back_while_its_cells_are_written_counts_them() -> None:
    order = taxed()
    failed = part(order, shipping=True)
    run("UPDATE billing_refund SET status = 'failed' WHERE id = %(id)s", id=failed.pk)
    RefundAllocation.objects.filter(refund=failed).delete()
    back = threading.Event()

    def come_back() -> None:
        run("UPDATE billing_refund SET status = 'succeeded' WHERE id = %(id)s", id=failed.pk)
        connection.close()
        back.set()

    thread = threading.Thread(target=come_back)
    with transaction.atomic():
        run(ALLOCATE, refund=failed.pk, line=None, tax=None, quantity=0, amount=990)
        thread.start()
        assert not back.wait(0.5)
    thread.join(10)
    assert Invoice.objects.get().shipping_refunded == 990
    refuse(ALLOCATE, refund=requested(1).pk, line=None, tax=None, quantity=0, amount=1)
