"""Synthetic orders, with customers, invoices, payments and refunds that agree with them. Nothing is sent to Stripe."""

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model

from billing.models import Counter, CreditNote, Invoice, InvoiceLine, Payment, Refund
from customers.models import Customer
from ecommerce.management.benchmark_data.copying import Table, analyze, keys_of, take_keys, without_haste
from ecommerce.management.benchmark_data.shop import Shelf, a_person, an_address
from ecommerce.models import Order, OrderEvent, OrderItem

BATCH = 20_000  # orders of one COPY: some 100 MB of text at most
ORDERS_A_CUSTOMER = 4
SPAN = timedelta(days=730)
# Of 100 orders, as the contract has them.
MIX = ["created"] * 5 + ["paid"] * 35 + ["fulfilled"] * 50 + ["canceled"] * 7 + ["returned"] * 3
WHO = ("staff", "Generated", None)

CUSTOMER = ("id", "email", "first_name", "last_name", "phone", "stripe_customer_id", "created_at")
ORDER = (
    *("id", "number", "customer_id", "status", "money_state", "attention", "currency", "subtotal", "discount"),
    *("shipping", "tax", "total", "amount_refunded", "shipping_address", "placed_via", "placed_by", "placement_hash"),
    *("summary", "sku_codes", "held_at", "created_at", "paid_at", "fulfilled_at", "canceled_at", "returned_at"),
    "invoice_id",
)
ITEM = ("order_id", "sku_id", "sku_code", "description", "unit_price", "quantity", "amount")
INVOICE = (
    *("id", "number", "customer_id", "reference", "status", "billing_reason", "currency", "subtotal", "discount"),
    *("shipping", "tax", "total", "amount_paid", "amount_refunded", "bill_to", "issued_at", "paid_at"),
)
LINE = ("invoice_id", "sku_code", "description", "quantity", "unit_price", "amount")
WISH = (
    *("id", "uuid", "generation", "params", "attempts", "amount", "currency", "failure_code", "failure_message"),
    *("attention", "requested_at", "answered_5xx", "first_sent_at", "closed_at"),
)
PAYMENT = (*WISH, "invoice_id", "status", "refunds", "stripe_payment_intent_id", "decline_code", "client_secret")
REFUND = (
    *WISH, "payment_id", "reason", "status", "stripe_refund_id", "settled_outside", "note",
    "by_kind", "by_label", "by_user_id",
)  # fmt: skip
NOTE = ("number", "invoice_id", "refund_id", "currency", "amount", "issued_at")
EVENT = ("order_id", "kind", "at", "data", "by_kind", "by_label", "by_user_id")


@dataclass(slots=True)
class Keys:
    """The keys and numbers of a batch, taken beforehand."""

    customers: range
    orders: range
    numbers: range
    invoices: range
    payments: range
    refunds: range
    invoice_number: int
    note_number: int


class Generator:
    """Writes orders batch by batch. The same seed gives the same orders."""

    def __init__(self, *, count: int, seed: int, now: datetime) -> None:
        self.count, self.now = count, now
        self.dice = random.Random(seed)  # noqa: S311 - nothing secret
        self.shelf = Shelf.stocked(at=now)
        columns: dict[type[Model], tuple[str, ...]] = {
            Customer: CUSTOMER,
            Invoice: INVOICE,
            InvoiceLine: LINE,
            Payment: PAYMENT,
            Order: ORDER,
            OrderItem: ITEM,
            OrderEvent: EVENT,
            Refund: REFUND,
            CreditNote: NOTE,
        }
        # In this order, since each refers to those before it.
        self.tables = {model: Table(model, names) for model, names in columns.items()}
        self.customer: tuple[int, str, str, str] = (0, "", "", "")

    def write(self) -> Iterator[int]:
        """Write all; give after each batch how many are written."""
        for start in range(0, self.count, BATCH):
            size = min(BATCH, self.count - start)
            with transaction.atomic():
                without_haste()
                keys = self._take(size)
                for place in range(size):
                    self._order(keys, place, start + place)
                for table in self.tables.values():
                    table.copy()
                Counter.objects.filter(name="invoice").update(value=keys.invoice_number)
                Counter.objects.filter(name="credit_note").update(value=keys.note_number)
            yield start + size
        analyze([*(table.name for table in self.tables.values()), "ecommerce_orderwords"])

    def _take(self, size: int) -> Keys:
        return Keys(
            customers=keys_of("customers_customer", size // ORDERS_A_CUSTOMER + 1),
            orders=keys_of("ecommerce_order", size),
            numbers=take_keys("ecommerce_order_number", size),
            invoices=keys_of("billing_invoice", size),
            payments=keys_of("billing_payment", size),
            refunds=keys_of("billing_refund", size),
            invoice_number=self._last("invoice"),
            note_number=self._last("credit_note"),
        )

    @staticmethod
    def _last(name: str) -> int:
        Counter.objects.get_or_create(name=name)
        return int(Counter.objects.select_for_update().get(name=name).value)

    def _order(self, keys: Keys, place: int, overall: int) -> None:
        at = self.now - SPAN + SPAN * overall / self.count
        if place % ORDERS_A_CUSTOMER == 0:
            self._customer(keys.customers[place // ORDERS_A_CUSTOMER], at)
        status = MIX[self.dice.randrange(len(MIX))]
        one = Made(self.dice, self.shelf, status, at)
        customer_id, email, first, last = self.customer
        paid = status != "created"
        address = json.dumps(an_address(self.dice, f"{first} {last}"))
        times = one.times
        self.tables[Order].add(
            keys.orders[place], keys.numbers[place], customer_id, status, "", "", one.currency, one.total, 0, 0, 0,
            one.total, one.back, address, one.via, "generated", "", one.summary,
            " ".join(code for _id, code, *_rest in one.lines), None if status == "canceled" else at, at,
            times.get("paid"), times.get("fulfilled"), times.get("canceled"), times.get("returned"),
            keys.invoices[place] if paid else None,
        )  # fmt: skip
        for sku_id, code, description, price, quantity in one.lines:
            self.tables[OrderItem].add(keys.orders[place], sku_id, code, description, price, quantity, price * quantity)
        for kind, when in {"created": at, **times}.items():
            self.tables[OrderEvent].add(keys.orders[place], kind, when, "{}", *WHO)
        if paid:
            bill_to = json.dumps({**json.loads(address), "name": f"{first} {last}", "email": email})
            self._invoice(keys, place, one, bill_to)

    def _customer(self, key: int, at: datetime) -> None:
        first, last = a_person(self.dice)
        email = f"{first}.{last}.{key}@example.com".lower()
        self.tables[Customer].add(key, email, first, last, "", f"cus_generated{key}", at)
        self.customer = (key, email, first, last)

    def _invoice(self, keys: Keys, place: int, one: "Made", bill_to: str) -> None:
        invoice, paid_at = keys.invoices[place], one.times["paid"]
        keys.invoice_number += 1
        number = f"INV-{keys.invoice_number:06}"
        self.tables[Invoice].add(
            invoice, number, self.customer[0], keys.numbers[place], "paid", "order", one.currency, one.total, 0, 0, 0,
            one.total, one.total, one.back, bill_to, one.at, paid_at,
        )  # fmt: skip
        for _sku, code, description, price, quantity in one.lines:
            self.tables[InvoiceLine].add(invoice, code, description, quantity, price, price * quantity)
        payment = keys.payments[place]
        intent = f"pi_generated{payment}"
        wish = self._wish(payment, one.total, one.currency, one.at)
        self.tables[Payment].add(*wish, invoice, "succeeded", 0, intent, "", "")
        if one.back:
            refund, back_at = keys.refunds[place], one.times["canceled" if one.status == "canceled" else "returned"]
            wish = self._wish(refund, one.back, one.currency, back_at)
            refunded = (payment, "", "succeeded", f"re_generated{refund}", False, "", *WHO)
            self.tables[Refund].add(*wish, *refunded)
            keys.note_number += 1
            note = f"CN-{keys.note_number:06}"
            self.tables[CreditNote].add(note, invoice, refund, one.currency, one.back, back_at)

    def _wish(self, key: int, amount: int, currency: str, at: datetime) -> tuple[Any, ...]:
        own = uuid.uuid4()
        return (key, own, 0, "{}", 1, amount, currency, "", "", "", at, False, at, at)


class Made:
    """One order, as the dice fell."""

    def __init__(self, dice: random.Random, shelf: Shelf, status: str, at: datetime) -> None:
        self.status, self.at = status, at
        self.currency, skus = shelf.one_currency(dice)
        self.lines = [(*sku, dice.randint(1, 3)) for sku in dice.sample(skus, dice.randint(1, 3))]
        self.total = sum(price * quantity for *_rest, price, quantity in self.lines)
        self.back = self.total if status in {"canceled", "returned"} else 0
        self.via = dice.choice(("staff", "website", "website", "api"))
        _id, _code, description, _price, quantity = self.lines[0]
        more = f", +{len(self.lines) - 1} more" if len(self.lines) > 1 else ""
        self.summary = f"{quantity} x {description}{more}"
        self.times = self._times(dice)

    def _times(self, dice: random.Random) -> dict[str, datetime]:
        if self.status == "created":
            return {}
        times = {"paid": self.at + timedelta(seconds=dice.randint(1, 90))}
        if self.status in {"fulfilled", "returned"}:
            times["fulfilled"] = times["paid"] + timedelta(minutes=dice.randint(5, 3_000))
        if self.status in {"canceled", "returned"}:
            times[self.status] = max(times.values()) + timedelta(minutes=dice.randint(5, 20_000))
        return times
