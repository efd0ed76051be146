"""Where a supply is taxed, and by which taxes. No ORM queries, no clock.

Goods are taxed where they are shipped to, all else where the customer lives. What makes a tax of 0 % differ:

- K: goods to another member state of the EU, for the tax id of another member state than the shop's.
- AE: services and digital goods for such a tax id; the customer accounts for the tax.
- G: goods that leave the EU, for consumers too.
- O: services and digital goods outside the EU, and all that goes where the shop is not registered.
- E: a small business, an exempt customer, and what a rate of the table exempts.

Where the shop is registered, which is where it has rates, the table says all. A consumer in another member state for
which it has none is taxed as at home: that is the law up to the EU's threshold of 10,000 euros a year.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from django.utils.translation import gettext as _

from customers.tax_ids import NORTHERN_IRELAND
from ecommerce.models import TaxCategory, TaxRate
from ecommerce.models.tax import SHIPPING, rate_country_name
from ecommerce.pricing.taxes import Tax
from ecommerce.taxes.choose import in_category, rates_at
from ecommerce.taxes.territories import Area, Place, area_of, is_in_eu, member_state
from ecommerce.taxes.zones import tax_date


class Shop(Protocol):
    """What ShopSettings says of the shop; `country` is empty until it was said."""

    @property
    def country(self) -> str:
        """From where it sends."""

    @property
    def tax_id(self) -> str:
        """With its prefix: XI for a shop in Northern Ireland."""

    @property
    def small_business(self) -> bool:
        """Whether it charges no tax at all."""

    @property
    def small_business_reason(self) -> str:
        """The paragraph that says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """`tax_id` with its country's prefix; `exempt_reason` is empty for all who are not exempt."""

    tax_id: str = ""
    exempt_reason: str = ""
    ship_to: Place | None = None
    home: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What is sold: `tax_category` is the product's, or "shipping"."""

    tax_category: str
    shipped: bool

    @property
    def is_goods(self) -> bool:
        """Whether something is sent: all else is taxed as services are."""
        return self.shipped and self.tax_category != TaxCategory.DIGITAL


def place_of(supply: Supply, *, buyer: Buyer, shop: Shop) -> Place | None:
    """Return where a supply is taxed unless it is taxed as at home; null where no address is known."""
    own = Place(country=shop.country) if shop.country else None
    return (buyer.ship_to or buyer.home if supply.is_goods else buyer.home or buyer.ship_to) or own


def taxes_of(supply: Supply, *, buyer: Buyer, shop: Shop, rates: Sequence[TaxRate], at: datetime) -> tuple[Tax, ...]:
    """Return the taxes of a moment, by the day it is in the country that taxes.

    Empty only where the shop has no rates at all.
    """
    if shop.small_business:
        return (_zero("E", shop.small_business_reason, country=shop.country),)
    if not rates:
        return ()
    place = place_of(supply, buyer=buyer, shop=shop)
    if place is None:
        return (_zero("O", _("It is not known where this is taxed: an address is missing."), name=_("Tax")),)
    return _Question(supply, buyer, shop, rates, at, area_of(place, goods=supply.is_goods)).answer()


def shipping_taxes(*, buyer: Buyer, shop: Shop, rates: Sequence[TaxRate], at: datetime) -> tuple[Tax, ...]:
    """Return the taxes of shipping where it has its own: those of rates for shipping, else the standard ones."""
    supply = Supply(tax_category=SHIPPING, shipped=True)
    return taxes_of(supply, buyer=buyer, shop=shop, rates=rates, at=at)


@dataclass(frozen=True, slots=True)
class _Question:
    supply: Supply
    buyer: Buyer
    shop: Shop
    rates: Sequence[TaxRate]
    at: datetime
    area: Area

    def answer(self) -> tuple[Tax, ...]:
        by_table = self.by_table(self.area)
        if self.business_in and not self.goods and (self.shop_in_eu or (self.in_eu and by_table)):
            sentence = _("Reverse charge: the customer accounts for the VAT.")
            return (_zero("AE", sentence, country=self.business_in),)
        if self.business_in and self.goods and self.shop_in_eu and self.in_eu and not self.is_domestic:
            sentence = _("Intra-community supply, exempt by Art. 138 of Directive 2006/112/EC.")
            return (_zero("K", sentence, self.area),)
        return by_table or self.without_rates()

    def without_rates(self) -> tuple[Tax, ...]:
        """Answer where the shop is not registered."""
        if self.shop_in_eu and not self.in_eu:
            if self.goods:
                return (
                    _zero("G", _("Export outside the EU, exempt by Art. 146 of Directive 2006/112/EC."), self.area),
                )
            return (_zero("O", _("Not subject to VAT: supplied outside the EU."), self.area),)
        as_at_home = self.by_table(self.shop_area) if self.shop_in_eu and not self.is_domestic else ()
        return as_at_home or (_zero("O", _not_registered(self.area), self.area, name=_("Tax")),)

    def by_table(self, area: Area) -> tuple[Tax, ...]:
        """Return what the table says; empty where it has nothing for that area."""
        held = rates_at(area, self.rates, on=tax_date(self.at, area.country, area.place.region))
        found = in_category(held, self.supply.tax_category)
        if not found:
            return self.of_untaxed(area, held)
        taxes = tuple(_tax(rate, area) for rate in found if rate.percent or len(found) == 1)
        return self.exempted(taxes or (_tax(found[0], area),))

    def of_untaxed(self, area: Area, held: Sequence[TaxRate]) -> tuple[Tax, ...]:
        """Return the tax of a zero-rated or exempt category for which the country has no row of its own."""
        name = next((rate.name for rate in in_category(held, TaxCategory.STANDARD)), "")
        if not held or self.supply.tax_category not in {TaxCategory.ZERO, TaxCategory.EXEMPT}:
            return ()
        if self.supply.tax_category == TaxCategory.ZERO:
            return (_zero("Z", "", area, name=name or _("VAT")),)
        return (_zero("E", _("Exempt from tax."), area, name=name or _("VAT")),)

    def exempted(self, taxes: tuple[Tax, ...]) -> tuple[Tax, ...]:
        if not self.buyer.exempt_reason or not any(tax.percent for tax in taxes):
            return taxes
        first = taxes[0]
        return (_zero("E", self.buyer.exempt_reason, country=first.country, region=first.region, name=first.name),)

    @property
    def goods(self) -> bool:
        return self.supply.is_goods

    @property
    def in_eu(self) -> bool:
        return is_in_eu(self.area, goods=self.goods)

    @property
    def shop_area(self) -> Area:
        is_northern_irish = self.shop.country == "GB" and self.shop.tax_id.startswith(NORTHERN_IRELAND)
        country = NORTHERN_IRELAND if is_northern_irish else self.shop.country
        return area_of(Place(country=country), goods=self.goods)

    @property
    def shop_in_eu(self) -> bool:
        return is_in_eu(self.shop_area, goods=self.goods)

    @property
    def is_domestic(self) -> bool:
        return not self.area.in_part and self.area.country == self.shop_area.country

    @property
    def business_in(self) -> str:
        """The member state of the buyer's tax id, if it is not the shop's."""
        state = member_state(self.buyer.tax_id, goods=self.goods)
        return "" if state == self.shop_area.country else state


def _tax(rate: TaxRate, area: Area) -> Tax:
    category = "Z" if rate.category == TaxRate.Category.S and not rate.percent else rate.category
    return Tax(
        country=area.country,
        region=rate.region,
        name=rate.name,
        percent=rate.percent.normalize(),
        category=category,
        reason=rate.reason,
    )


def _zero(
    category: str, reason: str, area: Area | None = None, *, country: str = "", region: str = "", name: str = ""
) -> Tax:
    country = area.country if area else country
    return Tax(
        country=country, region=region, name=name or _("VAT"), percent=Decimal(0), category=category, reason=reason
    )


def _not_registered(area: Area) -> str:
    name = area.territory or rate_country_name(area.place.country)
    if area.place.region and area.country == "US":  # where the states tax
        name = f"{area.place.region}, {name}"
    return _("Not registered for tax in %(place)s.") % {"place": name}
