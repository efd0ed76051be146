"""Prices of items and a coupon, by the code that charges, with nothing created."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from billing.money import format_money
from billing.tax_types import TaxCalculation
from customers.models import Customer
from ecommerce.models import Coupon, Order, Sku
from ecommerce.orders.errors import OrderError, from_pricing_error
from ecommerce.orders.lines import CustomLine, LineRequest, any_shipped, merge_lines, sku_quantities
from ecommerce.orders.shipping import CHEAPEST, Parcel, ShippingChoice, chosen_option, shipping_options, shipping_price
from ecommerce.orders.stripe_tax import apply_calculation, calculate
from ecommerce.orders.terms import SaleTerms, billing_address, read_terms
from ecommerce.pricing.errors import PricingError
from ecommerce.pricing.order import (
    CouponTerms,
    Discount,
    Line,
    PricedLine,
    Totals,
    discounts_of,
    one_currency,
    price,
)
from ecommerce.shipping.options import ShippingOption


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedLine:
    """A SKU or custom line, how many, the price of one in the minor unit, and what all come to."""

    sku: Sku | None
    description: str
    tax_category: str
    shippable: bool
    quantity: int
    unit_price: int
    priced: PricedLine

    @property
    def amount(self) -> int:
        """The price of all before discount, in the minor unit."""
        return self.priced.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The price of requested lines with a coupon; nothing is reserved."""

    lines: tuple[QuotedLine, ...]
    totals: Totals
    coupon: Coupon | None
    shipping_options: tuple[ShippingOption, ...] = ()
    shipping_option: ShippingOption | None = None
    shipping_name: str = ""
    # Of Stripe Tax, where it computes the taxes: the order that is placed of this quote names it.
    tax_calculation: TaxCalculation | None = None

    @property
    def shippable(self) -> bool:
        """Whether anything of it is shipped."""
        return any(line.shippable for line in self.lines)

    @property
    def currency(self) -> str:
        """The one currency of all lines."""
        return self.totals.currency

    @property
    def total_money(self) -> str:
        """The total with its currency, as users read it."""
        return format_money(self.totals.total, self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteRequest:
    """What is to be priced, for whom, and where to: without an address no shipping is priced, and taxes are a guess."""

    items: Sequence[LineRequest]
    coupon_code: str = ""
    discount: Discount | None = None
    customer: Customer | None = None
    address: Mapping[str, Any] | None = None
    shipping: ShippingChoice = CHEAPEST
    via: str = Order.PlacedVia.STAFF


def quote(*, request: QuoteRequest, at: datetime) -> Quote:
    """Price what is requested as an order of it would be charged now; raise OrderError."""
    lines, customer = merge_lines(request.items), request.customer
    # Not locked: a quote reserves nothing.
    skus = Sku.objects.select_related("product").in_bulk(list(sku_quantities(lines)))
    terms = read_terms(
        customer=customer,
        address=request.address,
        billing=billing_address(customer, via=request.via) if customer else None,
        shipped=any_shipped(lines, skus),
        at=at,
    )
    coupon = find_coupon(request.coupon_code, at=at)

    def priced(terms: SaleTerms) -> Quote:
        return price_lines(
            lines, skus, terms=terms, coupon=coupon, discount=request.discount, shipping=request.shipping
        )

    return with_stripe_tax(priced, terms=terms, address_known=request.address is not None)


def with_stripe_tax(priced: Callable[[SaleTerms], Quote], *, terms: SaleTerms, address_known: bool = True) -> Quote:
    """Return what `priced` returns and, where Stripe Tax computes the taxes, with those. Outside any transaction.

    Raise OrderError, also where Stripe Tax does not answer.
    """
    untaxed = priced(terms)
    if not terms.by_stripe or (untaxed.shippable and not address_known):
        return untaxed
    calculation = calculate(
        untaxed.totals,
        categories=[line.tax_category for line in untaxed.lines],
        quantities=[line.quantity for line in untaxed.lines],
        shipped=untaxed.shippable,
        terms=terms,
    )
    return priced(replace(terms, calculation=calculation))


def price_lines(
    lines: Sequence[LineRequest],
    skus: Mapping[int, Sku],
    *,
    terms: SaleTerms,
    coupon: Coupon | None,
    discount: Discount | None = None,
    shipping: ShippingChoice = CHEAPEST,
    check_stock_too: bool = True,
) -> Quote:
    """Price lines, with the SKUs that the caller has read, or locked, by id; raise OrderError."""
    for sku_id, quantity in sku_quantities(lines).items():
        sku = _check_on_sale(skus.get(sku_id), sku_id)
        if check_stock_too:
            check_stock(sku, quantity)
    sold = [_item(line, skus) for line in lines]
    coupon_terms = _coupon_terms(coupon) if coupon else None
    try:
        currency = one_currency(item.currency for item in sold)
        priced = [_priced_line(line, item, terms, currency) for line, item in zip(lines, sold, strict=True)]
        _by_hand, discounts = discounts_of(priced, currency=currency, coupon=coupon_terms, discount=discount)
        parcel = _parcel(lines, skus, sold, priced, discounts)
        options = shipping_options(parcel, terms, currency, shipping)
        option = chosen_option(options, shipping)
        totals = price(
            priced,
            currency=currency,
            coupon=coupon_terms,
            discount=discount,
            shipping=terms.shipping(shipping_price(option, shipping, currency) if parcel else 0),
            prices_include_tax=terms.prices_include_tax(currency),
            stacked=terms.shop.stacked_countries,
        )
        if terms.calculation:
            shipped = [item.shippable for item in sold]
            totals = apply_calculation(totals, terms.calculation, shipped=shipped, terms=terms)
    except PricingError as error:
        raise from_pricing_error(error) from error
    return Quote(
        lines=tuple(_quoted_lines(lines, skus, sold, totals)),
        totals=totals,
        coupon=coupon,
        shipping_options=tuple(options),
        shipping_option=option,
        shipping_name=option.name if option else shipping.name,
        tax_calculation=terms.calculation,
    )


def _quoted_lines(
    lines: Sequence[LineRequest], skus: Mapping[int, Sku], sold: Sequence[CustomLine], totals: Totals
) -> Iterator[QuotedLine]:
    for line, item, priced in zip(lines, sold, totals.lines, strict=True):
        yield QuotedLine(
            sku=skus[line.sku_id] if line.sku_id is not None else None,
            description=item.description,
            tax_category=item.tax_category,
            shippable=item.shippable,
            quantity=line.quantity,
            unit_price=item.unit_price,
            priced=priced,
        )


def _priced_line(line: LineRequest, item: CustomLine, terms: SaleTerms, currency: str) -> Line:
    amount = item.unit_price * line.quantity
    return Line(
        unit_price=item.unit_price,
        quantity=line.quantity,
        discount=line.discount.of(amount, currency) if line.discount else 0,
        taxes=terms.taxes(item.tax_category, shipped=item.shippable),
    )


def _parcel(
    lines: Sequence[LineRequest],
    skus: Mapping[int, Sku],
    sold: Sequence[CustomLine],
    priced: Sequence[Line],
    discounts: Sequence[int],
) -> Parcel | None:
    shipped = [place for place, item in enumerate(sold) if item.shippable]
    if not shipped:
        return None
    weights = (
        skus[lines[place].sku_id or 0].weight * lines[place].quantity for place in shipped if lines[place].sku_id
    )
    return Parcel(goods=sum(priced[place].amount - discounts[place] for place in shipped), weight=sum(weights))


def _item(line: LineRequest, skus: Mapping[int, Sku]) -> CustomLine:
    """Return what a line sells, whether it is a SKU or not."""
    if line.custom:
        return line.custom
    sku = skus[line.sku_id or 0]
    return CustomLine(
        description=sku.description[:300],
        unit_price=sku.price,
        currency=sku.currency,
        tax_category=sku.product.tax_category,
        shippable=sku.product.shippable,
    )


def _check_on_sale(sku: Sku | None, sku_id: int) -> Sku:
    if sku is None:
        raise OrderError("unknown_sku", _("There is no SKU %(id)s.") % {"id": sku_id}, field="items")
    if not (sku.active and sku.product.active):
        raise OrderError("inactive_sku", _("%(sku)s is not on sale.") % {"sku": sku}, field="items")
    return sku


def check_stock(sku: Sku, quantity: int) -> None:
    """Raise OrderError if there are fewer than that in stock."""
    if sku.finite and quantity > sku.inventory_quantity:
        values = {"sku": sku, "left": sku.inventory_quantity, "wanted": quantity}
        sentence = _("%(sku)s: %(left)s in stock, %(wanted)s wanted.") % values
        raise OrderError("out_of_stock", sentence, field="items")


def find_coupon(code: str, *, at: datetime) -> Coupon | None:
    """Return the coupon of a code; None for an empty one. Raise OrderError where it can't be redeemed now."""
    if not code.strip():
        return None
    coupon = Coupon.objects.called(code)
    if coupon is None or not coupon.active:
        raise OrderError(
            "invalid_coupon", _("There is no coupon “%(code)s”.") % {"code": code.strip()[:50]}, field="coupon_code"
        )
    if coupon.expired(at=at):
        values = {"code": coupon.code, "when": f"{coupon.redeem_by:%Y-%m-%d %H:%M %Z}"}
        raise OrderError("invalid_coupon", _("Coupon %(code)s expired at %(when)s.") % values, field="coupon_code")
    check_redemptions(coupon)
    return coupon


def check_redemptions(coupon: Coupon) -> None:
    """Raise OrderError if the coupon was redeemed as often as it may be."""
    if coupon.used_up:
        sentence = _("Coupon %(code)s is used up.") % {"code": coupon.code}
        raise OrderError("coupon_exhausted", sentence, field="coupon_code")


def _coupon_terms(coupon: Coupon) -> CouponTerms:
    return CouponTerms(
        code=coupon.code,
        percent_off=coupon.percent_off,
        amount_off=coupon.amount_off,
        currency=coupon.currency or None,
    )
