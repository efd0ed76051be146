"""How a sale is taxed and what its shipping costs, by the shop's settings, tax rates and zones of one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from django.conf import settings
from django.db.models import Exists

from billing.tax_types import TaxCalculation
from customers.accounts import own_rows
from customers.models import Customer, FrozenAddress
from ecommerce.models import Order, ShopSettings, TaxRate
from ecommerce.pricing.order import Shipping
from ecommerce.pricing.taxes import Tax
from ecommerce.shipping.options import Zone
from ecommerce.shipping.zones import rates_for as zones_for
from ecommerce.taxes.rates import rates_for
from ecommerce.taxes.supply import Buyer, Supply, shipping_taxes, taxes_of
from ecommerce.taxes.territories import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleTerms:
    """What taxes and shipping of one sale are computed from.

    `place` is where it is shipped to, if that is known; `frozen_inclusion` is given for an order that was placed. With
    `by_stripe`, taxes are those of `calculation`: none until Stripe Tax was asked.
    """

    shop: ShopSettings
    buyer: Buyer
    at: datetime
    rates: Sequence[TaxRate] = ()
    zones: Sequence[Zone] = ()
    place: Place | None = None
    frozen_inclusion: bool | None = None
    by_stripe: bool = False
    calculation: TaxCalculation | None = None

    def prices_include_tax(self, currency: str) -> bool:
        """Whether prices include tax: as an order has it since it was placed, else as the shop has it now."""
        return self.shop.includes_tax(currency) if self.frozen_inclusion is None else self.frozen_inclusion

    def taxes(self, category: str, *, shipped: bool) -> tuple[Tax, ...]:
        """Return the taxes on what is sold; none where the shop collects none, or Stripe Tax computes them."""
        if self.by_stripe:
            return ()
        supply = Supply(tax_category=category, shipped=shipped)
        return taxes_of(supply, buyer=self.buyer, shop=self.shop, rates=self.rates, at=self.at)

    def shipping(self, price: int) -> Shipping:
        """Return a price of shipping with how the shop has it taxed."""
        rule = cast(Literal["own", "highest", "share"], self.shop.shipping_tax)
        taxes: tuple[Tax, ...] = ()
        if rule == "own" and not self.by_stripe:
            taxes = shipping_taxes(buyer=self.buyer, shop=self.shop, rates=self.rates, at=self.at)
        return Shipping(price=price, taxes=taxes, rule=rule)


def read_terms(
    *,
    customer: Customer | None,
    address: Mapping[str, Any] | None,
    billing: Mapping[str, Any] | None,
    shipped: bool,
    at: datetime,
    placed: Order | None = None,
) -> SaleTerms:
    """Read the terms of a sale to an address: one statement, and one each for rates and zones where they are needed.

    An order that was `placed` keeps whether its prices include tax and, if the shop says so, the rates of its day.
    Without an address, taxes are those of the billing address, or of the shop's own country.
    """
    place, home = place_of(address), place_of(billing)
    shop, rates = _shop_and_rates([each for each in (place, home) if each])
    own = Place(country=shop.country) if shop.country else None
    by_day_of_order = placed is not None and shop.tax_day == ShopSettings.TaxDay.ORDER
    buyer = Buyer(
        tax_id=customer.tax_id if customer else "",
        exempt_reason=customer.tax_exempt_reason if customer and customer.tax_exempt else "",
        ship_to=place or home or own,
        home=home or place or own,
    )
    return SaleTerms(
        shop=shop,
        rates=rates,
        zones=zones_for(place.country) if shipped and place else (),
        buyer=buyer,
        place=place,
        at=placed.created_at if placed and by_day_of_order else at,
        frozen_inclusion=placed.prices_include_tax if placed else None,
        by_stripe=settings.TAX_PROVIDER == "stripe",
    )


def billing_address(customer: Customer, *, via: str) -> FrozenAddress | None:
    """Return the address that invoices of a customer are made out to; None where they have no billing address."""
    addresses = customer.addresses.all()
    if via == Order.PlacedVia.WEBSITE:
        addresses = own_rows(addresses, customer)
    billing = addresses.filter(kind="billing").order_by("-is_default", "-pk").first()
    return billing.frozen() if billing else None


def place_of(address: Mapping[str, Any] | None) -> Place | None:
    """Return where an address is; None without one."""
    if not address:
        return None
    return Place(
        country=address.get("country", ""),
        region=address.get("state", ""),
        postal_code=address.get("postal_code", ""),
        city=address.get("city", ""),
    )


def _shop_and_rates(places: Sequence[Place]) -> tuple[ShopSettings, list[TaxRate]]:
    with_rates = ShopSettings.objects.annotate(has_rates=Exists(TaxRate.objects.all()))
    shop: Any = with_rates.first()
    if shop is None:
        # Without its row no rate would be found, and nobody would notice that no tax is charged.
        ShopSettings.objects.get_or_create(pk=1)
        shop = with_rates.get()
    return shop, list(rates_for(places, home=shop.country).order_by("pk")) if shop.has_rates else []
