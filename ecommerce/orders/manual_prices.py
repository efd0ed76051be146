"""Prices given by hand: discounts, custom lines and another price of shipping, and who may give them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from django.utils.translation import gettext as _

from billing.money import UnsupportedCurrency, format_money, is_on_step, off_step, round_to_step
from customers.actors import Actor, ActorKind
from customers.models import User
from ecommerce.models import TaxCategory
from ecommerce.orders.errors import OrderError
from ecommerce.orders.lines import CustomLine, LineRequest
from ecommerce.orders.shipping import ShippingChoice
from ecommerce.pricing.order import Discount, Totals
from staff.discount_ceiling import discount_ceiling

DISCOUNT = "ecommerce.discount_order"
OVERRIDE_SHIPPING = "ecommerce.override_shipping"
MAX_DESCRIPTION = 300
MAX_REASON = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRights:
    """What somebody may set by hand. `ceiling` is that of discounts, in percent of the lines' price; None is none."""

    discount: bool = False
    ceiling: Decimal | None = None
    shipping: bool = False

    @property
    def may_discount(self) -> bool:
        """Whether any discount may be given."""
        return self.discount and self.ceiling != 0


EVERYTHING = PriceRights(discount=True, shipping=True)


def price_rights(by: Actor) -> PriceRights:
    """Return what an actor may set by hand, as the database says now: users by their roles, programs' keys nothing."""
    if by.kind == ActorKind.SYSTEM:
        return EVERYTHING
    user = User.objects.filter(pk=by.user_id or 0).first() if by.kind == ActorKind.STAFF else None
    if user is None:
        return PriceRights()
    return PriceRights(
        discount=user.has_perm(DISCOUNT),
        ceiling=discount_ceiling(user, DISCOUNT),
        shipping=user.has_perm(OVERRIDE_SHIPPING),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualPrices:
    """What an order sets by hand."""

    items: Sequence[LineRequest]
    discount: Discount | None
    reason: str
    shipping: ShippingChoice

    @property
    def has_discount(self) -> bool:
        """Whether a discount is given, on a line or on the whole."""
        return self.discount is not None or any(item.discount for item in self.items)

    @property
    def is_empty(self) -> bool:
        """Whether all prices are the shop's own."""
        return not self.has_discount and self.shipping.price is None and not any(item.custom for item in self.items)

    def check(self, rights: PriceRights) -> None:
        """Raise OrderError where something may not be given, or makes no sense."""
        if self.has_discount and not rights.may_discount:
            raise OrderError("discount_not_allowed", _("You may not give discounts by hand."), field="discount")
        if self.has_discount and not self.reason.strip():
            raise OrderError("reason_required", _("Say why the discount is given."), field="discount_reason")
        if len(self.reason) > MAX_REASON:
            sentence = _("The reason of a discount has at most %(most)s characters.") % {"most": MAX_REASON}
            raise OrderError("reason_too_long", sentence, field="discount_reason")
        if self.shipping.price is not None and not rights.shipping:
            sentence = _("You may not change the price of shipping.")
            raise OrderError("shipping_price_not_allowed", sentence, field="shipping_price")
        for line in filter(None, (item.custom for item in self.items)):
            _check_custom(line, rights)


def _check_custom(line: CustomLine, rights: PriceRights) -> None:
    if not rights.discount:
        raise OrderError("custom_line_not_allowed", _("You may not add custom lines."), field="items")
    if not 1 <= len(line.description.strip()) <= MAX_DESCRIPTION:
        sentence = _("A custom line has a text of at most %(most)s characters.") % {"most": MAX_DESCRIPTION}
        raise OrderError("invalid_description", sentence, field="items")
    if line.tax_category not in TaxCategory.values:
        sentence = _("There is no tax category “%(category)s”.") % {"category": line.tax_category[:20]}
        raise OrderError("invalid_tax_category", sentence, field="items")
    try:
        on_step = is_on_step(line.unit_price, line.currency)
    except UnsupportedCurrency as error:
        raise OrderError("invalid_currency", str(error), field="items") from error
    if line.unit_price < 0 or not on_step:
        sentence = str(off_step(line.currency)) if not on_step else _("The amount can't be below zero.")
        raise OrderError("invalid_price", sentence, field="items")


def check_ceiling(totals: Totals, rights: PriceRights) -> None:
    """Raise OrderError where more is taken off by hand than the actor may give."""
    most = most_off(totals, rights)
    if most is not None and totals.manual_discount > most:
        values = {
            "ceiling": f"{rights.ceiling:f}".rstrip("0").rstrip("."),
            "most": format_money(most, totals.currency),
            "off": format_money(totals.manual_discount, totals.currency),
        }
        sentence = _(
            "You may take off at most %(ceiling)s %% of the lines' price, %(most)s here; this takes off %(off)s."
        )
        raise OrderError("discount_above_ceiling", sentence % values, field="discount")


def most_off(totals: Totals, rights: PriceRights) -> int | None:
    """Return how much may be taken off, in the minor unit; None for no ceiling.

    It is what that percentage takes off, of the whole or line by line, whichever rounds to more.
    """
    if rights.ceiling is None:
        return None
    part = Fraction(rights.ceiling) / 100
    by_line = sum(round_to_step(line.amount * part, totals.currency) for line in totals.lines)
    return max(by_line, round_to_step(totals.subtotal * part, totals.currency))
