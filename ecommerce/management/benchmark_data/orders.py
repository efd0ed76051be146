"""Synthetic orders with their customers, invoices, payments and refunds. Nothing is sent to Stripe."""

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model

from billing.models import (
    Counter,
    CreditNote,
    Invoice,
    InvoiceLine,
    InvoiceTax,
    Payment,
    Refund,
    RefundAllocation,
)
from customers.emails import email_key
from customers.models import Customer
from ecommerce.management.benchmark_data.copy_tables import (
    TableBuffer,
    analyze,
    reserve_ids,
    reserve_numbers,
    without_timeouts,
)
from ecommerce.management.benchmark_data.parcels import COLUMNS as PARCEL_COLUMNS
from ecommerce.management.benchmark_data.parcels import ParcelRows
from ecommerce.management.benchmark_data.samples import Catalogue, random_address, random_name
from ecommerce.models import Order, OrderEvent, OrderItem, TaxLine

BATCH = 20_000  # orders of one COPY: some 100 MB of text at most
ORDERS_PER_CUSTOMER = 4
MAX_LINES = 3
PERIOD = timedelta(days=730)
# The statuses of 100 orders.
STATUS_MIX = ["created"] * 5 + ["paid"] * 35 + ["fulfilled"] * 50 + ["canceled"] * 7 + ["returned"] * 3
ACTOR = ("staff", "Generated", None)
VAT_PERCENT = 19
VAT = ("DE", "", "VAT", VAT_PERCENT, "S", "")
PARTLY_SENT = 0.05  # of the paid orders
SHIPPING = 500  # on the step of all currencies

CUSTOMER = ("id", "email", "email_key", "first_name", "last_name", "phone", "stripe_customer_id", "created_at")
ORDER = (
    *("id", "number", "customer_id", "status", "money_state", "attention", "currency", "subtotal", "discount"),
    *("shipping", "shipping_tax", "shipping_name", "tax", "total", "amount_refunded", "shipping_address"),
    *("placed_via", "placed_by", "placement_hash"),
    *("summary", "sku_codes", "held_at", "created_at", "paid_at", "fulfilled_at", "canceled_at", "returned_at"),
    *("fulfillment_state", "invoice_id"),
)
ITEM = ("id", "order_id", "sku_id", "sku_code", "description", "unit_price", "quantity", "amount", "tax", "canceled")
TAX = ("country", "region", "name", "rate", "category", "reason", "taxable", "amount")
TAX_LINE = ("order_id", "item_id", *TAX)
INVOICE_TAX = ("id", "invoice_id", "line_id", *TAX)
INVOICE = (
    *("id", "number", "customer_id", "reference", "status", "billing_reason", "currency", "subtotal", "discount"),
    *("shipping", "shipping_tax", "shipping_name", "tax", "total", "amount_paid", "amount_refunded", "bill_to"),
    *("issued_at", "paid_at"),
)
LINE = ("id", "invoice_id", "sku_code", "description", "quantity", "unit_price", "amount", "tax")
OPERATION = (
    *("id", "uuid", "generation", "params", "attempts", "amount", "currency", "failure_code", "failure_message"),
    *("attention", "requested_at", "answered_5xx", "first_sent_at", "closed_at", "next_attempt_at"),
)
PAYMENT = (*OPERATION, "invoice_id", "status", "refunds", "stripe_payment_intent_id", "decline_code", "client_secret")
REFUND = (
    *OPERATION, "payment_id", "reason", "status", "stripe_refund_id", "settled_outside", "note",
    "by_kind", "by_label", "by_user_id",
)  # fmt: skip
ALLOCATION = ("refund_id", "invoice_line_id", "invoice_tax_id", "quantity", "amount")
CREDIT_NOTE = ("number", "invoice_id", "refund_id", "currency", "amount", "issued_at")
EVENT = ("order_id", "kind", "at", "data", "by_kind", "by_label", "by_user_id")


@dataclass(slots=True)
class ReservedKeys:
    """The primary keys and numbers of a batch."""

    customers: range
    orders: range
    numbers: range
    invoices: range
    items: Iterator[int]
    lines: Iterator[int]
    taxes: Iterator[int]
    payments: range
    refunds: range
    parcels: ParcelRows
    invoice_number: int
    note_number: int


class OrderGenerator:
    """Writes orders batch by batch. The same seed gives the same orders."""

    def __init__(self, *, count: int, seed: int, now: datetime) -> None:
        self.count, self.now = count, now
        self.rng = random.Random(seed)  # noqa: S311 - nothing secret
        self.catalogue = Catalogue.get_or_create(at=now)
        columns: dict[type[Model], tuple[str, ...]] = {
            Customer: CUSTOMER,
            Invoice: INVOICE,
            InvoiceLine: LINE,
            Payment: PAYMENT,
            Order: ORDER,
            OrderItem: ITEM,
            **PARCEL_COLUMNS,
            TaxLine: TAX_LINE,
            InvoiceTax: INVOICE_TAX,
            OrderEvent: EVENT,
            Refund: REFUND,
            RefundAllocation: ALLOCATION,
            CreditNote: CREDIT_NOTE,
        }
        # In the order of their foreign keys.
        self.tables = {model: TableBuffer(model, names) for model, names in columns.items()}
        self.customer: tuple[int, str, str, str] = (0, "", "", "")

    def write(self) -> Iterator[int]:
        """Yield, after each batch, how many orders are written."""
        for start in range(0, self.count, BATCH):
            size = min(BATCH, self.count - start)
            with transaction.atomic():
                without_timeouts()
                keys = self._reserve(size)
                for position in range(size):
                    self._add_order(keys, position, start + position)
                for table in self.tables.values():
                    table.copy()
                Counter.objects.filter(name="invoice").update(value=keys.invoice_number)
                Counter.objects.filter(name="credit_note").update(value=keys.note_number)
            yield start + size
        analyze([*(table.name for table in self.tables.values()), "ecommerce_orderwords"])

    def _reserve(self, size: int) -> ReservedKeys:
        return ReservedKeys(
            customers=reserve_ids("customers_customer", size // ORDERS_PER_CUSTOMER + 1),
            orders=reserve_ids("ecommerce_order", size),
            numbers=reserve_numbers("ecommerce_order_number", size),
            invoices=reserve_ids("billing_invoice", size),
            items=iter(reserve_ids("ecommerce_orderitem", size * MAX_LINES)),
            lines=iter(reserve_ids("billing_invoiceline", size * MAX_LINES)),
            taxes=iter(reserve_ids("billing_invoicetax", size * (MAX_LINES + 1))),
            payments=reserve_ids("billing_payment", size),
            refunds=reserve_ids("billing_refund", size),
            parcels=ParcelRows(self.rng, self.tables, size),
            invoice_number=self._last_number("invoice"),
            note_number=self._last_number("credit_note"),
        )

    @staticmethod
    def _last_number(name: str) -> int:
        Counter.objects.get_or_create(name=name)
        return int(Counter.objects.select_for_update().get(name=name).value)

    def _add_order(self, keys: ReservedKeys, position: int, overall: int) -> None:
        at = self.now - PERIOD + PERIOD * overall / self.count
        if position % ORDERS_PER_CUSTOMER == 0:
            self._add_customer(keys.customers[position // ORDERS_PER_CUSTOMER], at)
        status = STATUS_MIX[self.rng.randrange(len(STATUS_MIX))]
        customer_id, email, first, last = self.customer
        sent_to = random_address(self.rng, f"{first} {last}")
        order = GeneratedOrder(self.rng, self.catalogue, status, at, country=sent_to["country"])
        was_paid = status != "created"
        address = json.dumps(sent_to)
        self.tables[Order].add(
            keys.orders[position], keys.numbers[position], customer_id, status, "", "", order.currency, order.subtotal,
            0, order.shipping, order.shipping_tax, order.shipping_name, order.tax, order.total, order.refunded, address,
            order.via, "generated", "", order.summary,
            " ".join(code for _id, code, *_rest in order.lines),
            None if status in {"created", "canceled"} else at, at,
            *map(order.times.get, ("paid", "fulfilled", "canceled", "returned")),
            "partial" if order.partly_sent_at else "", keys.invoices[position] if was_paid else None,
        )  # fmt: skip
        self._add_items(keys, keys.orders[position], order)
        partly = {"partly_fulfilled": order.partly_sent_at} if order.partly_sent_at else {}
        for kind, when in {"created": at, **order.times, **partly}.items():
            self.tables[OrderEvent].add(keys.orders[position], kind, when, "{}", *ACTOR)
        if was_paid:
            bill_to = json.dumps({**sent_to, "name": f"{first} {last}", "email": email})
            self._add_invoice(keys, position, order, bill_to)

    def _add_items(self, keys: ReservedKeys, order_id: int, order: "GeneratedOrder") -> None:
        items: list[tuple[int, int]] = []
        for (sku_id, code, description, price, quantity), tax in zip(order.lines, order.item_taxes, strict=True):
            item = next(keys.items)
            items.append((item, quantity))
            canceled = quantity if order.status == "canceled" else 0
            self.tables[OrderItem].add(
                item, order_id, sku_id, code, description, price, quantity, price * quantity, tax, canceled
            )
            if order.tax:
                self.tables[TaxLine].add(order_id, item, *VAT, price * quantity, tax)
        if order.tax:
            self.tables[TaxLine].add(order_id, None, *VAT, order.shipping, order.shipping_tax)
        keys.parcels.add(order_id, order, items)

    def _add_customer(self, key: int, at: datetime) -> None:
        first, last = random_name(self.rng)
        email = f"{first}.{last}.{key}@example.com".lower()
        self.tables[Customer].add(key, email, email_key(email), first, last, "", f"cus_generated{key}", at)
        self.customer = (key, email, first, last)

    def _add_invoice(self, keys: ReservedKeys, position: int, order: "GeneratedOrder", bill_to: str) -> None:
        invoice, paid_at = keys.invoices[position], order.times["paid"]
        keys.invoice_number += 1
        number = f"INV-{keys.invoice_number:06}"
        self.tables[Invoice].add(
            invoice, number, self.customer[0], keys.numbers[position], "paid", "order", order.currency, order.subtotal,
            0, order.shipping, order.shipping_tax, order.shipping_name, order.tax, order.total, order.total,
            order.refunded, bill_to, order.at, paid_at,
        )  # fmt: skip
        cells = list(self._add_invoice_lines(keys, invoice, order))
        payment = keys.payments[position]
        intent = f"pi_generated{payment}"
        operation = self._operation(payment, order.total, order.currency, order.at)
        self.tables[Payment].add(*operation, invoice, "succeeded", 0, intent, "", "")
        if order.refunded:
            refund, refunded_at = keys.refunds[position], order.times[order.status]
            operation = self._operation(refund, order.refunded, order.currency, refunded_at)
            columns = (payment, "", "succeeded", f"re_generated{refund}", False, "", *ACTOR)
            self.tables[Refund].add(*operation, *columns)
            for cell in cells:
                self.tables[RefundAllocation].add(refund, *cell)
            keys.note_number += 1
            note = f"CN-{keys.note_number:06}"
            self.tables[CreditNote].add(note, invoice, refund, order.currency, order.refunded, refunded_at)

    def _add_invoice_lines(
        self, keys: ReservedKeys, invoice: int, order: "GeneratedOrder"
    ) -> Iterator[tuple[int | None, int | None, int, int]]:
        """Add lines and taxes; yield what a refund of all gives back: line, tax, quantity, amount."""
        for (_sku, code, description, price, quantity), tax in zip(order.lines, order.item_taxes, strict=True):
            line, amount = next(keys.lines), price * quantity
            self.tables[InvoiceLine].add(line, invoice, code, description, quantity, price, amount, tax)
            yield line, None, quantity, amount
            if order.tax:
                yield self._add_invoice_tax(keys, invoice, line, amount, tax)
        if order.tax:
            yield None, None, 0, order.shipping
            yield self._add_invoice_tax(keys, invoice, None, order.shipping, order.shipping_tax)

    def _add_invoice_tax(
        self, keys: ReservedKeys, invoice: int, line: int | None, taxable: int, amount: int
    ) -> tuple[int | None, int, int, int]:
        tax = next(keys.taxes)
        self.tables[InvoiceTax].add(tax, invoice, line, *VAT, taxable, amount)
        return line, tax, 0, amount

    def _operation(self, key: int, amount: int, currency: str, at: datetime) -> tuple[Any, ...]:
        return (key, uuid.uuid4(), 0, "{}", 1, amount, currency, "", "", "", at, False, at, at, None)


class GeneratedOrder:
    """The random parts of one order. Those to Germany pay shipping, and VAT on top."""

    def __init__(self, rng: random.Random, catalogue: Catalogue, status: str, at: datetime, *, country: str) -> None:
        self.status, self.at = status, at
        self.currency, skus = catalogue.choose(rng)
        self.lines = [(*sku, rng.randint(1, 3)) for sku in rng.sample(skus, rng.randint(1, MAX_LINES))]
        amounts = [price * quantity for *_rest, price, quantity in self.lines]
        taxed = country == VAT[0]
        self.shipping, self.shipping_name = (SHIPPING, "Parcel") if taxed else (0, "")
        self.shipping_tax = self.shipping * VAT_PERCENT // 100
        self.item_taxes = [amount * VAT_PERCENT // 100 if taxed else 0 for amount in amounts]
        self.subtotal, self.tax = sum(amounts), sum(self.item_taxes) + self.shipping_tax
        self.total = self.subtotal + self.shipping + self.tax
        self.refunded = self.total if status in {"canceled", "returned"} else 0
        self.via = rng.choice(("staff", "website", "website", "api"))
        _id, _code, description, _price, quantity = self.lines[0]
        more = f", +{len(self.lines) - 1} more" if len(self.lines) > 1 else ""
        self.summary = f"{quantity} x {description}{more}"
        self.times = self._times(rng)
        self.partly_sent_at = self._partly_sent_at(rng)

    def _partly_sent_at(self, rng: random.Random) -> datetime | None:
        """When a part of a paid order was sent, if it was: of some of those with several units."""
        several = sum(quantity for *_rest, quantity in self.lines) > 1
        is_partial = self.status == "paid" and several and rng.random() < PARTLY_SENT
        return self.times["paid"] + timedelta(minutes=rng.randint(5, 600)) if is_partial else None

    def _times(self, rng: random.Random) -> dict[str, datetime]:
        if self.status == "created":
            return {}
        times = {"paid": self.at + timedelta(seconds=rng.randint(1, 90))}
        if self.status in {"fulfilled", "returned"}:
            times["fulfilled"] = times["paid"] + timedelta(minutes=rng.randint(5, 3_000))
        if self.status in {"canceled", "returned"}:
            times[self.status] = max(times.values()) + timedelta(minutes=rng.randint(5, 20_000))
        return times
