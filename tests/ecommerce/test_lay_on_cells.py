"""The migration that lays discounts and refunds of existing orders on their lines, over rows as they were before."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from pytest_django import DjangoDbBlocker

from billing.models import InvoiceLine, Refund, RefundAllocation
from ecommerce.books import violations
from ecommerce.models import OrderItem
from ecommerce.pricing.order import CouponTerms, Line, price
from tests.support.flush import flush
from tests.support.old_rows import ACTOR, NOW, OldShop, before_and_after, migrate

pytestmark = [pytest.mark.django_db, pytest.mark.full]
CELLS = "tax_and_cells"


def activity_is_kept(switch: str) -> None:
    """Switch the triggers of Activity of the tables that were there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('ALTER TABLE %%s %%s TRIGGER %%I', tgrelid::regclass, %s::text, tgname) FROM pg_trigger "
            "WHERE tgname LIKE 'activity%%' AND tgrelid::regclass::text IN ('ecommerce_product', 'ecommerce_sku')",
            [switch],
        )
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)


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


def write_discounted(shop: OldShop) -> dict[str, list[Any]]:
    orders = [shop.sell(currency, *lines, discount=discount) for currency, lines, discount in DISCOUNTED]
    return {"discounted": orders, "free": [shop.sell("usd", (1000, 1))]}


def cancel(shop: OldShop, order: Any, amount: int) -> int:
    made = shop.refund(order, amount)
    type(order).objects.filter(pk=order.pk).update(status="canceled", canceled_at=NOW(), held_at=None)
    return made


def write_refunded(shop: OldShop) -> dict[str, int]:
    whole = shop.sell("usd", (1000, 3), (500, 1), discount=350)
    by_lines = shop.sell("usd", (1000, 3), (500, 1), discount=350)
    by_amount = shop.sell("isk", (100_000, 2), (50_000, 1))
    mixed = shop.sell("kwd", (1250, 4), (990, 2), discount=480)
    dashboard = shop.sell("usd", (1000, 2))
    return {
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


def write_given_up(shop: OldShop) -> int:
    given_up = shop.pay(shop.sell("usd", (1000, 2)).invoice, status="failed")
    row = shop.model("billing", "Refund").objects.create(
        payment=given_up, amount=2000, currency="usd", status="succeeded", next_attempt_at=None, closed_at=NOW(),
        stripe_refund_id="re_late", **ACTOR,
    )  # fmt: skip
    return int(row.pk)


def write_many(shop: OldShop) -> list[int]:
    orders = [shop.sell("usd", (1000, 3), discount=300) for _ in range(4)]
    return [shop.refund(order, 900, lines=[(0, 1)]) for order in orders]


@dataclass
class Migrated:
    """What was written before there were cells, and is there still."""

    discounted: dict[str, list[Any]]
    refunded: dict[str, int]
    given_up: int
    many: list[int]


@pytest.fixture(scope="module")
def migrated(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Migrated]:
    """Migrate all these rows together: the way there and back takes ten seconds."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        before, now = before_and_after(CELLS)
        patch.setattr(laying(), "BATCH", 2)
        try:
            apps = migrate(before)
            activity_is_kept("DISABLE")  # of columns that are not there any more
            shop = OldShop(apps)
            rows = Migrated(write_discounted(shop), write_refunded(shop), write_given_up(shop), write_many(shop))
            migrate(now)
            yield rows
        finally:
            if MigrationExecutor(connection).migration_plan(now):  # it failed before it migrated itself
                with connection.cursor() as cursor:
                    cursor.execute("TRUNCATE customers_customer, ecommerce_product CASCADE")
                migrate(now)
            activity_is_kept("ENABLE")
            flush()


def test_discounts_are_laid_as_pricing_lays_them(migrated: Migrated) -> None:
    for order, (currency, lines, discount) in zip(migrated.discounted["discounted"], DISCOUNTED, strict=True):
        sold = [Line(unit_price=unit, quantity=quantity) for unit, quantity in lines]
        coupon = CouponTerms(code="SAVE", amount_off=discount, currency=currency)
        expected = price(sold, currency=currency, coupon=coupon)
        assert discounts(order) == [line.discount for line in expected.lines]
    assert [discounts(order) for order in migrated.discounted["free"]] == [[0]]
    assert list(violations()) == []


def test_refunds_are_laid_on_the_lines_that_they_gave_back(migrated: Migrated) -> None:
    assert {name: given_back(pk) for name, pk in migrated.refunded.items()} == {
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


def test_a_payment_that_had_been_given_up_gives_back_no_line(migrated: Migrated) -> None:
    assert not RefundAllocation.objects.filter(refund_id=migrated.given_up).exists()
    assert list(violations()) == []


def test_the_migration_begins_anew_where_it_was_stopped(migrated: Migrated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laying(), "BATCH", 2)
    # What a stopped one left undone is done by the next, and what was done stays.
    allocations = list(RefundAllocation.objects.order_by("pk").values())
    editor = connection.schema_editor()
    laying().allocate_refunds(None, editor)
    assert list(RefundAllocation.objects.order_by("pk").values()) == allocations
    RefundAllocation.objects.filter(refund_id=migrated.many[2]).delete()
    laying().allocate_refunds(None, editor)
    assert RefundAllocation.objects.filter(refund_id__in=migrated.many).count() == 4
    assert RefundAllocation.objects.count() == len(allocations)
    assert list(violations()) == []


def laying() -> Any:
    nodes = MigrationExecutor(connection).loader.graph.nodes
    name = next(str(name) for _app, name in nodes if name.endswith("lay_on_cells"))
    return import_module(f"ecommerce.migrations.{name}")
