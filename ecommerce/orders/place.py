"""Placing an order: begun in one transaction, settled with Stripe in the request, finished by its answer."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.advisory_locks import LockSpace, lock_in_transaction
from billing.money import format_money
from billing.payments import PaymentSource
from customers.actors import Actor
from customers.models import Address, Customer, FrozenAddress
from ecommerce.models import Order, OrderItem
from ecommerce.orders import stock
from ecommerce.orders.errors import OrderError
from ecommerce.orders.history import record
from ecommerce.orders.pay import payment_source_for, request_payment, settle_now
from ecommerce.orders.quotes import LineRequest, Quote, find_coupon, merge_lines, price_lines

SUMMARY_LENGTH = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What is ordered, by whom, whereto, and with what it is paid.

    `key` names this placement: the same key of the same actor again gives the same order. A card is either a saved
    one (`card_id`) or a `token` (pm_… or tok_…). `expected_total`, in the minor unit, refuses a price that changed.
    """

    customer_id: int
    items: tuple[LineRequest, ...]
    via: Order.PlacedVia
    key: str = ""
    coupon_code: str = ""
    address_id: int | None = None
    new_address: FrozenAddress | None = None
    card_id: int | None = None
    token: str = ""
    save_card: bool = True
    expected_total: int | None = None

    @property
    def fingerprint(self) -> str:
        """Give a hash of all that was asked for."""
        asked = {name: value for name, value in asdict(self).items() if name not in {"key", "via", "expected_total"}}
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def place(*, wanted: NewOrder, by: Actor, at: datetime) -> Order:
    """Create the order, collect its payment, and give it as it then is; raise OrderRefused, and nothing happened."""
    with transaction.atomic():
        order = _placed_before(wanted, by)
        if order is None:
            order = _begin(wanted, by=by, at=at)
    return settle_now(order_id=order.pk, at=at)


def _placed_before(wanted: NewOrder, by: Actor) -> Order | None:
    if not wanted.key:
        return None
    # Whoever sends the same at once waits here, and then finds the first one's order.
    lock_in_transaction(LockSpace.PLACEMENT, f"{_placer(by)} {wanted.key}")
    order = find_placed_order(key=wanted.key, by=by)
    if order and order.placement_hash != wanted.fingerprint:
        sentence = _("This was sent before with other contents, as order %(number)s.") % {"number": order.number}
        raise OrderError("idempotency_conflict", sentence)
    return order


def find_placed_order(*, key: str, by: Actor) -> Order | None:
    """Give the order that this actor has placed under this key."""
    return Order.objects.filter(placed_by=_placer(by), placement_key=key).first()


def _placer(by: Actor) -> str:
    return f"{by.kind}:{by.user_id or by.label}"[:60]


def _begin(wanted: NewOrder, *, by: Actor, at: datetime) -> Order:
    customer = Customer.objects.filter(pk=wanted.customer_id).first()
    if customer is None:
        raise OrderError("unknown_customer", _("Choose an existing customer."), field="customer")
    merged = merge_lines(wanted.items)
    skus = stock.lock_skus(list(merged))
    priced = price_lines(merged, skus, coupon=find_coupon(wanted.coupon_code, at=at))
    _check_total(priced, wanted.expected_total)
    address = _address(wanted, customer) if priced.shippable else None
    means = _means(wanted, customer, at=at) if priced.totals.total else PaymentSource()
    order = _created(wanted, priced, customer, address, by=by, at=at)
    stock.take(order, merged, skus, at=at)
    record(order, "created", by=by, at=at, via=wanted.via, total=order.total, currency=order.currency)
    request_payment(order, means, by=by, at=at)
    return order


def _check_total(priced: Quote, expected: int | None) -> None:
    if expected is not None and expected != priced.totals.total:
        was = format_money(expected, priced.currency)
        sentence = _("The total is %(now)s now, not %(was)s.") % {"now": priced.total_money, "was": was}
        raise OrderError("price_changed", sentence)


def _address(wanted: NewOrder, customer: Customer) -> Address:
    if wanted.new_address:
        return Address.objects.create(customer=customer, **wanted.new_address)
    if wanted.address_id is None:
        raise OrderError("address_required", _("Something here is shipped: give an address."), field="address_id")
    address = customer.addresses.filter(pk=wanted.address_id).first()
    if address is None:
        raise OrderError("unknown_address", _("This customer has no such address."), field="address_id")
    return address


def _means(wanted: NewOrder, customer: Customer, *, at: datetime) -> PaymentSource:
    return payment_source_for(customer, card_id=wanted.card_id, token=wanted.token, save=wanted.save_card, at=at)


def _created(
    wanted: NewOrder, priced: Quote, customer: Customer, address: Address | None, *, by: Actor, at: datetime
) -> Order:
    totals = priced.totals
    order = Order.objects.create(
        customer=customer,
        currency=priced.currency,
        subtotal=totals.subtotal,
        discount=totals.discount,
        shipping=totals.shipping,
        tax=totals.tax,
        total=totals.total,
        coupon=priced.coupon,
        address=address,
        shipping_address=address.frozen() if address else None,
        placed_via=wanted.via,
        placed_by=_placer(by),
        placement_key=wanted.key or None,
        placement_hash=wanted.fingerprint,
        summary=summary(priced),
        sku_codes=" ".join(line.sku.code for line in priced.lines),
        created_at=at,
    )
    OrderItem.objects.bulk_create(_items(order, priced))
    return order


def summary(priced: Quote) -> str:
    """Say what was ordered in a few words: 2 x Mug, +1 more."""
    first, *others = priced.lines
    more = _(", +%(count)s more") % {"count": len(others)} if others else ""
    return f"{first.quantity} x {first.sku.description[: SUMMARY_LENGTH - 50]}{more}"


def _items(order: Order, priced: Quote) -> list[OrderItem]:
    return [
        OrderItem(
            order=order,
            sku=line.sku,
            sku_code=line.sku.code,
            description=line.sku.description[:300],
            unit_price=line.unit_price,
            quantity=line.quantity,
            amount=line.amount,
        )
        for line in priced.lines
    ]
