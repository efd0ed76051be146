"""Prices of items and a coupon, by the code that charges, with nothing created."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _

from billing.money import format_money
from ecommerce.models import Coupon, Sku
from ecommerce.orders.errors import OrderError, from_pricing_error
from ecommerce.pricing.errors import PricingError
from ecommerce.pricing.order import (
    MAX_QUANTITY,
    CouponTerms,
    Discount,
    Line,
    PricedLine,
    Totals,
    one_currency,
    price,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomLine:
    """A line that is no SKU: its text, and the price of one in the minor unit."""

    description: str
    unit_price: int
    currency: str
    tax_category: str = "standard"
    shippable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRequest:
    """A SKU, or a custom line, how many of it are requested, and a discount on it given by hand."""

    quantity: int
    sku_id: int | None = None
    custom: CustomLine | None = None
    discount: Discount | None = None


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


def quote(
    *, items: Sequence[LineRequest], coupon_code: str = "", discount: Discount | None = None, at: datetime
) -> Quote:
    """Price items and a coupon as an order of them would be charged now; raise OrderError."""
    lines = merge_lines(items)
    # Not locked: a quote reserves nothing.
    skus = Sku.objects.select_related("product").in_bulk(list(sku_quantities(lines)))
    return price_lines(lines, skus, coupon=find_coupon(coupon_code, at=at), discount=discount)


def merge_lines(items: Sequence[LineRequest]) -> list[LineRequest]:
    """Add up the quantities of equal lines, in the order in which they were first named; raise OrderError."""
    quantities: dict[LineRequest, int] = {}
    for item in items:
        if item.quantity < 1:
            sentence = _("A quantity is a whole number from 1 to %(most)s.") % {"most": MAX_QUANTITY}
            raise OrderError("invalid_quantity", sentence, field="items")
        same = replace(item, quantity=0)
        quantities[same] = quantities.get(same, 0) + item.quantity
    return [replace(line, quantity=quantity) for line, quantity in quantities.items()]


def sku_quantities(lines: Sequence[LineRequest]) -> dict[int, int]:
    """Return how many of each SKU are requested, by its id; custom lines have none."""
    quantities = Counter[int]()
    for line in lines:
        if line.sku_id is not None:
            quantities[line.sku_id] += line.quantity
    return dict(quantities)


def price_lines(
    lines: Sequence[LineRequest],
    skus: Mapping[int, Sku],
    *,
    coupon: Coupon | None,
    discount: Discount | None = None,
    check_stock_too: bool = True,
) -> Quote:
    """Price lines, with the SKUs that the caller has read, or locked, by id; raise OrderError."""
    for sku_id, quantity in sku_quantities(lines).items():
        sku = _check_on_sale(skus.get(sku_id), sku_id)
        if check_stock_too:
            check_stock(sku, quantity)
    sold = [_item(line, skus) for line in lines]
    try:
        currency = one_currency(item.currency for item in sold)
        priced = [
            Line(
                unit_price=item.unit_price,
                quantity=line.quantity,
                discount=line.discount.of(item.unit_price * line.quantity, currency) if line.discount else 0,
            )
            for line, item in zip(lines, sold, strict=True)
        ]
        totals = price(priced, currency=currency, coupon=_coupon_terms(coupon) if coupon else None, discount=discount)
    except PricingError as error:
        raise from_pricing_error(error) from error
    return Quote(
        lines=tuple(
            QuotedLine(
                sku=skus[line.sku_id] if line.sku_id is not None else None,
                description=item.description,
                tax_category=item.tax_category,
                shippable=item.shippable,
                quantity=line.quantity,
                unit_price=item.unit_price,
                priced=priced_line,
            )
            for line, item, priced_line in zip(lines, sold, totals.lines, strict=True)
        ),
        totals=totals,
        coupon=coupon,
    )


def _item(line: LineRequest, skus: Mapping[int, Sku]) -> CustomLine:
    """Return what a line sells, whether it is a SKU or not."""
    if line.custom:
        return line.custom
    sku = skus[line.sku_id or 0]
    return CustomLine(
        description=sku.description[:300],
        unit_price=sku.price,
        currency=sku.currency,
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
