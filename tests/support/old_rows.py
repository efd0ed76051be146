"""Rows as they were before a migration, written by the models of that time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from backoffice.activity.origin import silent
from tests.support.factories import make_customer

ACTOR = {"by_kind": "staff", "by_label": "Ana"}
NOW = timezone.now


def migrate(targets: Sequence[tuple[str, str]]) -> Apps:
    """Migrate there and give the models as they are then."""
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets))
    apps: Apps = executor.loader.project_state(list(targets)).apps
    return apps


def before_and_after(migration: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """What stood right before the migration of this name, and what stands now."""
    graph = MigrationExecutor(connection).loader.graph
    named = [node for node in graph.nodes if node[1].endswith(migration)]
    before = [parent.key for node in named for parent in graph.node_map[node].parents if parent.key[0] == node[0]]
    return before, graph.leaf_nodes()


@contextmanager
def models_before(migration: str) -> Iterator[Apps]:
    """Give the models as they were, of a database that is as it was; migrated again afterwards, whatever happens."""
    before, now = before_and_after(migration)
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
        for name in ("invoice", "credit_note"):
            self.model("billing", "Counter").objects.update_or_create(name=name, defaults={"value": 10_000})
        product = self.model("ecommerce", "Product").objects.create(name="Mug")
        with silent():  # what records changes knows the columns of today
            skus = self.model("ecommerce", "Sku").objects
            self.sku = skus.create(product=product, code="MUG", price=100, currency="usd")

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
