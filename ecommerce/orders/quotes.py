"""Prices of items and a coupon, by the code that charges, with nothing created."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from billing.money import format_money
from ecommerce.models import Coupon, Sku
from ecommerce.orders.errors import OrderError, from_pricing_error
from ecommerce.pricing import CouponTerms, Line, PricingError, Totals, one_currency, price


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRequest:
    """A SKU and how many of it are requested."""

    sku_id: int
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedLine:
    """A SKU, how many, and their price; amounts in the minor unit."""

    sku: Sku
    quantity: int
    unit_price: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The price of requested lines with a coupon; nothing is reserved."""

    lines: tuple[QuotedLine, ...]
    totals: Totals
    coupon: Coupon | None
    shippable: bool

    @property
    def currency(self) -> str:
        """The one currency of all lines."""
        return self.totals.currency

    @property
    def total_money(self) -> str:
        """The total with its currency, as users read it."""
        return format_money(self.totals.total, self.currency)


def quote(*, items: Sequence[LineRequest], coupon_code: str = "", at: datetime) -> Quote:
    """Price items and a coupon as an order of them would be charged now; raise OrderError."""
    quantities = merge_lines(items)
    # Not locked: a quote reserves nothing.
    skus = Sku.objects.select_related("product").in_bulk(list(quantities))
    return price_lines(quantities, skus, coupon=find_coupon(coupon_code, at=at))


def merge_lines(items: Sequence[LineRequest]) -> dict[int, int]:
    """Add up the quantities by SKU id, in the order in which the SKUs were first named."""
    quantities: dict[int, int] = {}
    for item in items:
        if item.quantity < 1:
            raise OrderError("invalid_quantity", _("A quantity is a whole number from 1 to 999."), field="items")
        quantities[item.sku_id] = quantities.get(item.sku_id, 0) + item.quantity
    return quantities


def price_lines(
    quantities: dict[int, int], skus: dict[int, Sku], *, coupon: Coupon | None, check_stock_too: bool = True
) -> Quote:
    """Price SKUs that the caller has read, or locked, by id; raise OrderError."""
    for sku_id, quantity in quantities.items():
        sku = _check_on_sale(skus.get(sku_id), sku_id)
        if check_stock_too:
            check_stock(sku, quantity)
    lines = [Line(sku_id=pk, unit_price=skus[pk].price, quantity=quantity) for pk, quantity in quantities.items()]
    try:
        currency = one_currency(skus[sku_id].currency for sku_id in quantities)
        totals = price(lines, currency=currency, coupon=_coupon_terms(coupon) if coupon else None)
    except PricingError as error:
        raise from_pricing_error(error) from error
    return Quote(
        lines=tuple(
            QuotedLine(sku=skus[line.sku_id], quantity=line.quantity, unit_price=line.unit_price, amount=line.amount)
            for line in lines
        ),
        totals=totals,
        coupon=coupon,
        shippable=any(skus[sku_id].product.shippable for sku_id in quantities),
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
