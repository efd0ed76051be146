"""The price of an order that is paid later: what it costs now, and the order and its invoice changed to it.

Between a decline and the next card, days may pass: a SKU may be off sale, a price another one, a coupon at its end.
"""

from dataclasses import replace
from datetime import datetime
from functools import partial

from django.conf import settings
from django.utils.translation import gettext as _

from billing import invoices
from billing.tax_types import TaxCalculation
from customers.actors import Actor
from ecommerce.models import Coupon, Order, OrderEvent, Sku
from ecommerce.orders.contents import rewrite_contents, write_totals
from ecommerce.orders.errors import OrderError, price_changed
from ecommerce.orders.history import record
from ecommerce.orders.lines import CustomLine, LineRequest
from ecommerce.orders.quotes import Quote, find_coupon, price_lines, with_stripe_tax
from ecommerce.orders.shipping import ShippingChoice
from ecommerce.orders.stock import lock_skus, quantities_of
from ecommerce.orders.terms import SaleTerms, billing_address, read_terms
from ecommerce.pricing.order import Discount


def quote_again(order: Order, *, at: datetime) -> Quote:
    """Return what the items of an order cost now; raise OrderError where they can't be sold any more."""
    quantities = quantities_of(order)
    skus = Sku.objects.select_related("product").in_bulk(list(quantities))
    return with_stripe_tax(partial(_quote, order, skus, at=at), terms=_terms(order, at=at))


def check_price(*, order_id: int, expected_total: int | None, at: datetime) -> None:
    """Raise what `accept_price` would raise; change nothing."""
    order = Order.objects.select_related("coupon", "customer").get(pk=order_id)
    _check(quote_again(order, at=at), order, expected_total)


def tax_calculation(*, order_id: int, at: datetime) -> TaxCalculation | None:
    """Ask Stripe Tax, where it computes the taxes, before the order is locked; raise OrderError."""
    if settings.TAX_PROVIDER != "stripe":
        return None
    order = Order.objects.select_related("coupon", "customer").get(pk=order_id)
    return quote_again(order, at=at).tax_calculation if order.status == Order.Status.CREATED else None


def accept_price(
    order: Order, *, expected_total: int | None, by: Actor, at: datetime, calculation: TaxCalculation | None = None
) -> None:
    """Change a locked order and its invoice to what it costs now, with the taxes of `calculation` if there is one.

    Raise OrderError where it can't be sold any more, and where the total is neither the order's nor the expected one.
    """
    terms = replace(_terms(order, at=at), calculation=calculation)
    quote = _quote(order, lock_skus(list(quantities_of(order))), terms, at=at)
    total, was = quote.totals.total, order.total
    _check(quote, order, expected_total)
    if not _differs(order, quote):
        # The calculation of the day it was placed may have expired at Stripe by now.
        order.tax_calculation_id = calculation.id if calculation else order.tax_calculation_id
        return
    _write(order, quote)
    if order.invoice:
        # Issued numbers stay, and so do their lines: the old invoice is void, and the order gets another one.
        invoices.void(invoice=order.invoice, at=at)
        order.invoice = None
    order.save()
    record(order, OrderEvent.Kind.PRICE_CHANGED, by=by, at=at, amount=total, currency=order.currency, was=was)


def _check(quote: Quote, order: Order, expected_total: int | None) -> None:
    accepted = order.total if expected_total is None else expected_total
    if quote.currency != order.currency:
        sentence = _("This is sold in %(currency)s now: place another order.") % {"currency": quote.currency.upper()}
        raise OrderError("currency_changed", sentence)
    if quote.totals.total != accepted:
        raise price_changed(now=quote.totals.total, was=accepted, currency=quote.currency)


def _terms(order: Order, *, at: datetime) -> SaleTerms:
    return read_terms(
        customer=order.customer,
        address=order.shipping_address,
        billing=billing_address(order.customer, via=order.placed_via),
        shipped=False,  # what its shipping costs was agreed when it was placed
        at=at,
        placed=order,
    )


def _quote(order: Order, skus: dict[int, Sku], terms: SaleTerms, *, at: datetime) -> Quote:
    return price_lines(
        _lines(order),
        skus,
        terms=terms,
        coupon=_valid_coupon(order, at=at),
        shipping=ShippingChoice(price=order.shipping, name=order.shipping_name, frozen=True),
        # What the order itself still holds is not missing.
        check_stock_too=order.held_at is None,
    )


def _lines(order: Order) -> list[LineRequest]:
    """Return the lines of a placed order as they were requested; what was agreed by hand stays as it was."""
    lines = []
    for item in order.items.order_by("pk"):
        custom = None
        if item.sku_id is None:
            custom = CustomLine(
                description=item.description,
                unit_price=item.unit_price,
                currency=order.currency,
                tax_category=item.tax_category,
                shippable=item.shippable,
            )
        discount = Discount(amount_off=item.manual_discount) if item.manual_discount else None
        lines.append(LineRequest(sku_id=item.sku_id, quantity=item.quantity, custom=custom, discount=discount))
    return lines


def _valid_coupon(order: Order, *, at: datetime) -> Coupon | None:
    """Return the order's coupon; None once it has ended. Raise OrderError while it is used up."""
    if order.coupon is None:
        return None
    if order.held_at and order.coupon.used_up:
        return order.coupon  # by this order itself, which has not given it back
    try:
        return find_coupon(order.coupon.code, at=at)
    except OrderError as error:
        if error.code == "invalid_coupon":
            return None
        raise


def _differs(order: Order, quote: Quote) -> bool:
    totals = quote.totals
    was = (order.subtotal, order.discount, order.shipping, order.tax, order.total, order.coupon_id)
    now = (totals.subtotal, totals.discount, totals.shipping, totals.tax, totals.total, _key(quote.coupon))
    prices = list(order.items.order_by("pk").values_list("unit_price", flat=True))
    return was != now or prices != [line.unit_price for line in quote.lines]


def _key(coupon: Coupon | None) -> int | None:
    return coupon.pk if coupon else None


def _write(order: Order, quote: Quote) -> None:
    write_totals(order, quote)
    rewrite_contents(order, quote)
