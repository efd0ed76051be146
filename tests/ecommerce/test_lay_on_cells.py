"""The migration that lays discounts and refunds of existing orders on their lines, over rows as they were before."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import count
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from billing.models import InvoiceLine, Refund, RefundAllocation
from ecommerce.books import violations
from ecommerce.models import OrderItem
from ecommerce.pricing.order import CouponTerms, Line, price
from tests.support.factories import make_customer

pytestmark = pytest.mark.django_db(transaction=True)
ACTOR = {"by_kind": "staff", "by_label": "Ana"}
NOW = timezone.now


def migrate(targets: Sequence[tuple[str, str]]) -> Apps:
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets))
    apps: Apps = executor.loader.project_state(list(targets)).apps
    return apps


def before_and_after() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """What stood right before there were cells, and what stands now."""
    graph = MigrationExecutor(connection).loader.graph
    named = [node for node in graph.nodes if node[1].endswith("tax_and_cells")]
    before = [parent.key for node in named for parent in graph.node_map[node].parents if parent.key[0] == node[0]]
    return before, graph.leaf_nodes()


@pytest.fixture
def old() -> Iterator[Apps]:
    """Give the models as they were, of a database that is as it was; migrated again afterwards, whatever happens."""
    before, now = before_and_after()
    yield migrate(before)
    if MigrationExecutor(connection).migration_plan(now):  # the test failed before it migrated itself
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE customers_customer, ecommerce_product CASCADE")
        migrate(now)


class OldShop:
    """Writes paid orders and their refunds as they were written before there were cells."""

    def __init__(self, apps: Apps) -> None:
        self.model = apps.get_model
        self.numbers = count(1)
        self.customer_id = make_customer().pk
        product = self.model("ecommerce", "Product").objects.create(name="Mug")
        self.sku = self.model("ecommerce", "Sku").objects.create(product=product, code="MUG", price=100, currency="usd")

    def sell(self, currency: str, *lines: tuple[int, int], discount: int = 0) -> Any:
        """Write a paid order of these prices and quantities."""
        subtotal = sum(unit * quantity for unit, quantity in lines)
        sums = {"currency": currency, "subtotal": subtotal, "discount": discount, "total": subtotal - discount}
        number = next(self.numbers)
        invoice = self.model("billing", "Invoice").objects.create(
            number=f"OLD-{number}", customer_id=self.customer_id, status="paid", amount_paid=sums["total"],
            paid_at=NOW(), bill_to={}, **sums,
        )  # fmt: skip
        order = self.model("ecommerce", "Order").objects.create(
            customer_id=self.customer_id, status="paid", paid_at=NOW(), held_at=NOW(), invoice=invoice,
            placed_via="staff", placed_by="staff:1", summary="x", **sums,
        )  # fmt: skip
        order.refresh_from_db()
        invoice.reference = order.number
        invoice.save()
        for unit, quantity in lines:
            line = {"sku_code": "MUG", "description": "Mug", "unit_price": unit, "quantity": quantity}
            line["amount"] = unit * quantity
            self.model("ecommerce", "OrderItem").objects.create(order=order, sku=self.sku, **line)
            self.model("billing", "InvoiceLine").objects.create(invoice=invoice, **line)
        if sums["total"]:
            self.pay(invoice)
        return order

    def pay(self, invoice: Any, *, status: str = "succeeded") -> Any:
        """Write a payment."""
        return self.model("billing", "Payment").objects.create(
            invoice=invoice, amount=invoice.total, currency=invoice.currency, status=status, next_attempt_at=None,
            closed_at=NOW(), stripe_payment_intent_id=f"pi_{next(self.numbers)}",
        )  # fmt: skip

    def refund(
        self, order: Any, amount: int, *, status: str = "succeeded", lines: Sequence[tuple[int, int]] = ()
    ) -> int:
        """Write a refund, by places and quantities of items where `lines` says so; give its key."""
        payment = self.model("billing", "Payment").objects.get(invoice=order.invoice, status="succeeded")
        row = self.model("billing", "Refund").objects.create(
            payment=payment, amount=amount, currency=order.currency, status=status, next_attempt_at=None,
            closed_at=NOW(), stripe_refund_id=f"re_{next(self.numbers)}", **ACTOR,
        )  # fmt: skip
        items = list(self.model("ecommerce", "OrderItem").objects.filter(order=order).order_by("pk"))
        failed = status == "failed"
        self.model("ecommerce", "OrderAct").objects.create(
            order=order, kind="refund", refund=row, closed_at=NOW(), outcome="failed" if failed else "done",
            lines=[[items[place].pk, quantity] for place, quantity in lines], **ACTOR,
        )  # fmt: skip
        if not failed:
            self.model("billing", "CreditNote").objects.create(
                number=f"OLDCN-{next(self.numbers)}", invoice=order.invoice, refund=row, currency=order.currency,
                amount=amount,
            )  # fmt: skip
            for each in (order, order.invoice):
                each.amount_refunded += amount
                each.save()
        return int(row.pk)


def given_back(refund: int) -> list[tuple[int, int]]:
    """Quantity and amount that a refund gives back of each line; (0, 0) of those of which it gives nothing."""
    invoice = Refund.objects.get(pk=refund).payment.invoice
    rows = {
        row.invoice_line_id: (row.quantity, row.amount) for row in RefundAllocation.objects.filter(refund_id=refund)
    }
    return [rows.get(line.pk, (0, 0)) for line in invoice.lines.order_by("pk")]


def discounts(order: Any) -> list[int]:
    items = OrderItem.objects.filter(order=order.pk).order_by("pk")
    lines = InvoiceLine.objects.filter(invoice__order=order.pk).order_by("pk")
    on_items = [item.discount for item in items]
    assert [line.discount for line in lines] == on_items
    return on_items


DISCOUNTED: list[tuple[str, list[tuple[int, int]], int]] = [
    ("usd", [(1000, 1), (1000, 1), (1000, 1)], 100),
    ("usd", [(333, 3), (1, 1), (2599, 2), (0, 1)], 1234),
    ("usd", [(1500, 2)], 3000),
    ("isk", [(199_900, 1), (50_000, 3), (100, 1)], 33_300),
    ("kwd", [(1250, 1), (1250, 1), (990, 7)], 500),
    ("jpy", [(101, 3), (7, 7)], 50),
    # 500 million rupiah in its minor unit: the product of two such amounts is more than a bigint holds.
    ("idr", [(30_000_000_000, 1), (20_000_000_000, 1)], 5_000_000_000),
]


def test_discounts_are_laid_as_pricing_lays_them(old: Apps) -> None:
    shop = OldShop(old)
    orders = [shop.sell(currency, *lines, discount=discount) for currency, lines, discount in DISCOUNTED]
    free = shop.sell("usd", (1000, 1))
    migrate(before_and_after()[1])
    for order, (currency, lines, discount) in zip(orders, DISCOUNTED, strict=True):
        sold = [Line(unit_price=unit, quantity=quantity) for unit, quantity in lines]
        coupon = CouponTerms(code="SAVE", amount_off=discount, currency=currency)
        expected = price(sold, currency=currency, coupon=coupon)
        assert discounts(order) == [line.discount for line in expected.lines]
    assert discounts(free) == [0]
    assert list(violations()) == []


def cancel(shop: OldShop, order: Any, amount: int) -> int:
    made = shop.refund(order, amount)
    type(order).objects.filter(pk=order.pk).update(status="canceled", canceled_at=NOW(), held_at=None)
    return made


def test_refunds_are_laid_on_the_lines_that_they_gave_back(old: Apps) -> None:
    shop = OldShop(old)
    whole = shop.sell("usd", (1000, 3), (500, 1), discount=350)
    by_lines = shop.sell("usd", (1000, 3), (500, 1), discount=350)
    by_amount = shop.sell("isk", (100_000, 2), (50_000, 1))
    mixed = shop.sell("kwd", (1250, 4), (990, 2), discount=480)
    dashboard = shop.sell("usd", (1000, 2))
    made = {
        "whole": cancel(shop, whole, 3150),
        "two units": shop.refund(by_lines, 1800, lines=[(0, 2)]),
        "the other": shop.refund(by_lines, 450, lines=[(1, 1)]),
        "amount": shop.refund(by_amount, 50_000),
        "failed": shop.refund(mixed, 1000, status="failed", lines=[(1, 1)]),
        "unit": shop.refund(mixed, 1160, lines=[(0, 1)]),
        "of what is left": shop.refund(mixed, 1000),
        "rest": cancel(shop, mixed, 4340),
        "all by lines": shop.refund(dashboard, 2000, lines=[(0, 2)]),
    }
    migrate(before_and_after()[1])
    assert {name: given_back(pk) for name, pk in made.items()} == {
        "whole": [(3, 2700), (1, 450)],
        "two units": [(2, 1800), (0, 0)],
        "the other": [(0, 0), (1, 450)],
        "amount": [(0, 40_000), (0, 10_000)],
        "failed": [(0, 0), (0, 0)],
        # 5.000 less 0.340 for four, 1.980 less 0.140 for two: of 4.660 - 1.160 and 1.840, 1.000 in proportion.
        "unit": [(1, 1160), (0, 0)],
        "of what is left": [(0, 660), (0, 340)],
        "rest": [(3, 2840), (2, 1500)],
        "all by lines": [(2, 2000)],
    }
    assert list(violations()) == []


def test_a_payment_that_had_been_given_up_gives_back_no_line(old: Apps) -> None:
    shop = OldShop(old)
    order = shop.sell("usd", (1000, 2))
    given_up = shop.pay(order.invoice, status="failed")
    shop.model("billing", "Refund").objects.create(
        payment=given_up, amount=2000, currency="usd", status="succeeded", next_attempt_at=None, closed_at=NOW(),
        stripe_refund_id="re_late", **ACTOR,
    )  # fmt: skip
    migrate(before_and_after()[1])
    assert not RefundAllocation.objects.exists()
    assert list(violations()) == []


def test_the_migration_begins_anew_where_it_was_stopped(old: Apps, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = OldShop(old)
    orders = [shop.sell("usd", (1000, 3), discount=300) for _ in range(4)]
    for order in orders:
        shop.refund(order, 900, lines=[(0, 1)])
    laying: Any = import_module("ecommerce.migrations." + _laying())
    monkeypatch.setattr(laying, "BATCH", 2)
    migrate(before_and_after()[1])
    # What a stopped one left undone is done by the next, and what was done stays.
    allocations = list(RefundAllocation.objects.order_by("pk").values())
    editor = connection.schema_editor()
    laying.allocate_refunds(None, editor)
    assert list(RefundAllocation.objects.order_by("pk").values()) == allocations
    RefundAllocation.objects.filter(refund_id=allocations[2]["refund_id"]).delete()
    laying.allocate_refunds(None, editor)
    assert RefundAllocation.objects.count() == 4
    assert list(violations()) == []


def _laying() -> str:
    nodes = MigrationExecutor(connection).loader.graph.nodes
    return next(str(name) for _app, name in nodes if name.endswith("lay_on_cells"))
