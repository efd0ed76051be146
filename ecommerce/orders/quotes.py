"""What something would cost: the very code that charges, with nothing created."""

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
    """So many of one SKU."""

    sku_id: int
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedLine:
    """A SKU, how many, and what they cost in the minor unit."""

    sku: Sku
    quantity: int
    unit_price: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What the wanted items cost together."""

    lines: tuple[QuotedLine, ...]
    totals: Totals
    coupon: Coupon | None
    shippable: bool

    @property
    def currency(self) -> str:
        """Give the one currency of all."""
        return self.totals.currency

    @property
    def total_money(self) -> str:
        """Give the total as people read it."""
        return format_money(self.totals.total, self.currency)


def quote(*, items: Sequence[LineRequest], coupon_code: str = "", at: datetime) -> Quote:
    """Price items and a coupon as an order of them would be charged now; raise OrderRefused."""
    merged = merge_lines(items)
    skus = Sku.objects.select_related("product").in_bulk(list(merged))
    return price_lines(merged, skus, coupon=find_coupon(coupon_code, at=at))


def merge_lines(items: Sequence[LineRequest]) -> dict[int, int]:
    """Add up the quantities of each SKU, in the order in which they were first named."""
    merged: dict[int, int] = {}
    for item in items:
        if item.quantity < 1:
            raise OrderError("invalid_quantity", _("A quantity is a whole number from 1 to 999."), field="items")
        merged[item.sku_id] = merged.get(item.sku_id, 0) + item.quantity
    return merged


def price_lines(merged: dict[int, int], skus: dict[int, Sku], *, coupon: Coupon | None) -> Quote:
    """Price SKUs that were read, or locked, by the caller."""
    for sku_id, quantity in merged.items():
        check_stock(on_sale(skus.get(sku_id), sku_id), quantity)
    lines = [Line(sku_id=sku_id, unit_price=skus[sku_id].price, quantity=wanted) for sku_id, wanted in merged.items()]
    try:
        currency = one_currency(skus[sku_id].currency for sku_id in merged)
        totals = price(lines, currency=currency, coupon=terms(coupon) if coupon else None)
    except PricingError as refused:
        raise from_pricing_error(refused) from refused
    return Quote(
        lines=tuple(
            QuotedLine(sku=skus[line.sku_id], quantity=line.quantity, unit_price=line.unit_price, amount=line.amount)
            for line in lines
        ),
        totals=totals,
        coupon=coupon,
        shippable=any(skus[sku_id].product.shippable for sku_id in merged),
    )


def on_sale(sku: Sku | None, sku_id: int) -> Sku:
    """Refuse a SKU that can't be ordered at all."""
    if sku is None:
        raise OrderError("unknown_sku", _("There is no SKU %(id)s.") % {"id": sku_id}, field="items")
    if not (sku.active and sku.product.active):
        raise OrderError("inactive_sku", _("%(sku)s is not on sale.") % {"sku": sku}, field="items")
    return sku


def check_stock(sku: Sku, quantity: int) -> None:
    """Refuse more than there is."""
    if sku.finite and quantity > sku.inventory_quantity:
        left = {"sku": sku, "left": sku.inventory_quantity, "wanted": quantity}
        sentence = _("%(sku)s: %(left)s in stock, %(wanted)s wanted.") % left
        raise OrderError("out_of_stock", sentence, field="items")


def find_coupon(code: str, *, at: datetime) -> Coupon | None:
    """Find the coupon of a code; none for an empty one. Raise OrderRefused where it can't be redeemed now."""
    if not code.strip():
        return None
    coupon = Coupon.objects.called(code)
    if coupon is None or not coupon.active:
        raise OrderError(
            "invalid_coupon", _("There is no coupon “%(code)s”.") % {"code": code.strip()[:50]}, field="coupon_code"
        )
    if coupon.expired(at=at):
        when = {"code": coupon.code, "when": f"{coupon.redeem_by:%Y-%m-%d %H:%M %Z}"}
        raise OrderError("invalid_coupon", _("Coupon %(code)s expired at %(when)s.") % when, field="coupon_code")
    check_redemptions(coupon)
    return coupon


def check_redemptions(coupon: Coupon) -> None:
    """Refuse a coupon that was redeemed as often as it may be."""
    if coupon.used_up:
        sentence = _("Coupon %(code)s is used up.") % {"code": coupon.code}
        raise OrderError("coupon_exhausted", sentence, field="coupon_code")


def terms(coupon: Coupon) -> CouponTerms:
    """Give what pricing needs of a coupon."""
    return CouponTerms(
        code=coupon.code,
        percent_off=coupon.percent_off,
        amount_off=coupon.amount_off,
        currency=coupon.currency or None,
    )
