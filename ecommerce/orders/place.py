"""Place an order: create it with its payment in one transaction, then execute the payment."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from backoffice.advisory_locks import LockSpace, lock_in_transaction
from billing.payments import PaymentSource
from billing.tax_types import TaxCalculation
from customers.actors import Actor
from customers.models import Address, Customer, FrozenAddress
from ecommerce.models import Order, OrderEvent
from ecommerce.orders import stock
from ecommerce.orders.contents import OrderContents, write_contents, write_totals
from ecommerce.orders.doubt import check_not_restored
from ecommerce.orders.errors import OrderError, price_changed
from ecommerce.orders.execute import execute_order_payment
from ecommerce.orders.history import record
from ecommerce.orders.lines import LineRequest, any_shipped, merge_lines, sku_quantities
from ecommerce.orders.manual_prices import ManualPrices, PriceRights, check_ceiling, price_rights
from ecommerce.orders.pay import check_declines, payment_source_for, request_payment
from ecommerce.orders.quotes import Quote, QuoteRequest, find_coupon, price_lines, quote
from ecommerce.orders.shipping import CHEAPEST, ShippingChoice
from ecommerce.orders.terms import billing_address, read_terms
from ecommerce.pricing.order import Discount

SUMMARY_LENGTH = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """A request for an order: customer, items, address, and what to charge.

    `key` makes it idempotent: the same key of the same actor gives the same order. The card is a saved one (`card_id`)
    or a `token` (pm_… or tok_…). `expected_total`, in the minor unit, refuses a price that changed.
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
    discount: Discount | None = None
    discount_reason: str = ""
    shipping: ShippingChoice = CHEAPEST
    expected_total: int | None = None

    @property
    def manual_prices(self) -> ManualPrices:
        """What of it is set by hand."""
        return ManualPrices(
            items=self.items, discount=self.discount, reason=self.discount_reason, shipping=self.shipping
        )

    @property
    def fingerprint(self) -> str:
        """A SHA-256 of what is ordered; the same key with another one is a conflict."""
        # The key is what the hash is compared under; the other two don't change what is ordered.
        contents = {name: value for name, value in asdict(self).items() if name not in {"key", "via", "expected_total"}}
        return hashlib.sha256(json.dumps(contents, sort_keys=True, default=str).encode()).hexdigest()


def place(*, new_order: NewOrder, by: Actor, at: datetime) -> Order:
    """Create an order, make one attempt at its payment, and return it as it is then.

    Raise OrderError, and nothing was created. If Stripe gave no result, the sweep goes on with the payment.
    """
    check_not_restored()
    calculation = _tax_calculation(new_order, by, at=at)
    with transaction.atomic():
        order = _placed_before(new_order, by) or _request_order(new_order, by=by, at=at, calculation=calculation)
    return execute_order_payment(order_id=order.pk, at=at)


def _tax_calculation(new_order: NewOrder, by: Actor, *, at: datetime) -> TaxCalculation | None:
    """Ask Stripe Tax, where it computes the taxes, before anything is locked; raise OrderError."""
    if settings.TAX_PROVIDER != "stripe" or (new_order.key and find_placed_order(key=new_order.key, by=by)):
        return None
    _check_manual_prices(new_order, by)
    customer = Customer.objects.filter(pk=new_order.customer_id, erased_at=None).first()
    if customer is None:
        return None  # refused below
    address = new_order.new_address
    if address is None and new_order.address_id is not None:
        saved = customer.addresses.filter(pk=new_order.address_id).first()
        address = saved.frozen() if saved else None
    request = QuoteRequest(
        items=new_order.items,
        coupon_code=new_order.coupon_code,
        discount=new_order.discount,
        customer=customer,
        address=address,
        shipping=new_order.shipping,
        via=new_order.via,
    )
    return quote(request=request, at=at).tax_calculation


def _placed_before(new_order: NewOrder, by: Actor) -> Order | None:
    if not new_order.key:
        return None
    # A request with the same key waits here until the first one commits, and then finds its order.
    lock_in_transaction(LockSpace.PLACEMENT, f"{_placer(by)} {new_order.key}")
    order = find_placed_order(key=new_order.key, by=by)
    if order and order.placement_hash != new_order.fingerprint:
        sentence = _("This was sent before with other contents, as order %(number)s.") % {"number": order.number}
        raise OrderError("idempotency_conflict", sentence)
    return order


def find_placed_order(*, key: str, by: Actor) -> Order | None:
    """The order that this actor has placed under this key."""
    return Order.objects.filter(placed_by=_placer(by), placement_key=key).first()


def _placer(by: Actor) -> str:
    return f"{by.kind}:{by.user_id or by.label}"[:60]


def _request_order(new_order: NewOrder, *, by: Actor, at: datetime, calculation: TaxCalculation | None) -> Order:
    customer = Customer.objects.filter(pk=new_order.customer_id, erased_at=None).first()
    if customer is None:
        raise OrderError("unknown_customer", _("Choose an existing customer."), field="customer")
    check_declines(customer, by=by)
    rights = _check_manual_prices(new_order, by)
    lines = merge_lines(new_order.items)
    quantities = sku_quantities(lines)
    # Locked before they are priced, so that price and stock are those of the commit.
    skus = stock.lock_skus(list(quantities))
    coupon = find_coupon(new_order.coupon_code, at=at)
    shipped = any_shipped(lines, skus)
    address = _address(new_order, customer) if shipped else None
    billing = billing_address(customer, via=new_order.via)
    terms = read_terms(
        customer=customer, address=address.frozen() if address else None, billing=billing, shipped=shipped, at=at
    )
    priced = price_lines(
        lines,
        skus,
        terms=replace(terms, calculation=calculation),
        coupon=coupon,
        discount=new_order.discount,
        shipping=new_order.shipping,
    )
    check_ceiling(priced.totals, rights)
    _check_total(priced, new_order.expected_total)
    source = _payment_source(new_order, customer, at=at) if priced.totals.total else PaymentSource()
    order, contents = _create_order(new_order, priced, customer, address, by=by, at=at)
    stock.reserve(order, quantities, skus, at=at)
    record(order, OrderEvent.Kind.CREATED, by=by, at=at, via=new_order.via, total=order.total, currency=order.currency)
    request_payment(order, source, by=by, at=at, contents=replace(contents, billing=billing))
    return order


def _check_manual_prices(new_order: NewOrder, by: Actor) -> PriceRights:
    manual = new_order.manual_prices
    # Nobody's rights are read for the shop's own prices.
    rights = PriceRights() if manual.is_empty else price_rights(by)
    manual.check(rights)
    return rights


def _check_total(quote: Quote, expected: int | None) -> None:
    # A user agreed to a total that was computed some minutes ago.
    if expected is not None and expected != quote.totals.total:
        raise price_changed(now=quote.totals.total, was=expected, currency=quote.currency)


def _address(new_order: NewOrder, customer: Customer) -> Address:
    if new_order.new_address:
        # What webhooks tell of a customer is numbered under the customer's lock, in the order of the commits.
        list(Customer.objects.select_for_update(no_key=True).filter(pk=customer.pk))
        return Address.objects.create(customer=customer, **new_order.new_address)
    if new_order.address_id is None:
        raise OrderError("address_required", _("Something here is shipped: give an address."), field="address_id")
    address = customer.addresses.filter(pk=new_order.address_id).first()
    if address is None:
        raise OrderError("unknown_address", _("This customer has no such address."), field="address_id")
    return address


def _payment_source(new_order: NewOrder, customer: Customer, *, at: datetime) -> PaymentSource:
    new = new_order
    return payment_source_for(customer, card_id=new.card_id, token=new.token, save=new.save_card, at=at)


def _create_order(
    new_order: NewOrder, quote: Quote, customer: Customer, address: Address | None, *, by: Actor, at: datetime
) -> tuple[Order, OrderContents]:
    order = Order(
        customer=customer,
        currency=quote.currency,
        discount_reason=new_order.discount_reason.strip() if new_order.manual_prices.has_discount else "",
        address=address,
        shipping_address=address.frozen() if address else None,
        placed_via=new_order.via,
        placed_by=_placer(by),
        placement_key=new_order.key or None,
        placement_hash=new_order.fingerprint,
        summary=summary(quote),
        sku_codes=" ".join(line.sku.code for line in quote.lines if line.sku),
        created_at=at,
    )
    write_totals(order, quote)
    order.save()
    return order, write_contents(order, quote)


def summary(quote: Quote) -> str:
    """Describe the items in a few words: 2 x Mug, +1 more."""
    first, *others = quote.lines
    more = _(", +%(count)s more") % {"count": len(others)} if others else ""
    return f"{first.quantity} x {first.description[: SUMMARY_LENGTH - 50]}{more}"
