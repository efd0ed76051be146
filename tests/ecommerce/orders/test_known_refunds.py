"""The orders of known answers, written, charged and refunded for real: after each refund all books agree."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from billing.models import CreditNote, Invoice, InvoiceTax, Refund, RefundAllocation
from ecommerce.books import violations
from ecommerce.models import Order
from ecommerce.orders.allocations import read_cells
from ecommerce.orders.errors import OrderError
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from tests.support.factories import ANA
from tests.support.known_answers import SEQUENCES, lines_of, named, priced
from tests.support.order_acts import books, settle
from tests.support.sales import cells_of
from tests.support.sold import sold

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]


def request_of(order: Order, step: dict[str, Any]) -> RefundRequest:
    items = list(order.items.order_by("pk").values_list("pk", flat=True))
    lines = [(items[place], quantity) for place, quantity in step.get("lines", [])]
    return RefundRequest(
        amount=step.get("amount"), lines=lines, shipping=bool(step.get("shipping")), rest=bool(step.get("rest"))
    )


@contextmanager
def nothing_happens() -> Iterator[None]:
    before = books()
    with pytest.raises(OrderError):
        yield
    assert books() == before


def given_back(names: dict[int, str], **of: Any) -> tuple[int, dict[str, int]]:
    """All that allocations give back, and how much of each tax."""
    taxes: dict[str, int] = defaultdict(int)
    money = 0
    for row in RefundAllocation.objects.filter(**of):
        money += row.amount
        if row.invoice_tax_id:
            taxes[names[row.invoice_tax_id]] += row.amount
    return money, taxes


@pytest.mark.parametrize(
    ("case", "sequence"), SEQUENCES, ids=[f"{case['id']}-{number}" for number, (case, _) in enumerate(SEQUENCES)]
)
def test_real_refunds_give_back_what_is_known(case: dict[str, Any], sequence: dict[str, Any]) -> None:
    totals = priced(case)
    order = sold(totals, lines_of(case))
    invoice = Invoice.objects.get()
    known = {named(tax.tax): tax.tax for tax in totals.taxes}
    names = {
        row.pk: next(name for name, tax in known.items() if _is(row, tax)) for row in InvoiceTax.objects.order_by("pk")
    }
    assert read_cells(invoice).left == cells_of(totals, lines_of(case))
    steps = list(zip(sequence["steps"], sequence["expected"]["steps"], strict=True))
    for number, (step, expected) in enumerate(steps):
        if step.get("refused"):
            with nothing_happens():
                refund(order_id=order.pk, request=request_of(order, step), reason="", by=ANA, at=timezone.now())
            continue
        refund(order_id=order.pk, request=request_of(order, step), reason="", by=ANA, at=timezone.now())
        order = settle(order)
        made = Refund.objects.latest("pk")
        money, taxes = given_back(names, refund=made)
        assert made.amount == money == CreditNote.objects.get(refund=made).amount
        assert within(money, expected["money"])
        assert all(within(taxes[tax], bounds) for tax, bounds in expected["tax"].items())
        assert within(given_back(names)[0], expected["given_back"])
        # Of many like steps, the books of every tenth.
        assert number % max(len(steps) // 10, 1) or list(violations()) == []
    end = sequence["expected"]["end"]
    money, taxes = given_back(names)
    assert (money, {tax: taxes[tax] for tax in end["tax"]}) == (end["money"], end["tax"])
    assert (order.status, order.amount_refunded) == ("paid", end["money"])
    kept = InvoiceTax.objects.aggregate(kept=Sum("refunded"))["kept"] or 0
    assert kept == sum(taxes.values())


def _is(row: InvoiceTax, tax: Any) -> bool:
    mine = (row.country, row.region, row.name, row.rate, row.category)
    return mine == (tax.country, tax.region, tax.name, tax.percent, tax.category)


def within(amount: int, bounds: list[int]) -> bool:
    return bounds[0] <= amount <= bounds[1]
