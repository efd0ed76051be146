"""Taxes by Stripe Tax: asked before an order is placed or paid, outside any transaction, and taken as they are."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import gateway_tax, tax_codes
from billing.tax_allocations import line_reference
from billing.tax_types import (
    CalculatedPart,
    CalculatedTax,
    TaxableLine,
    TaxAddress,
    TaxCalculation,
    TaxNotCalculated,
    TaxRequest,
)
from customers.postal_addresses import state_code
from ecommerce.orders.errors import OrderError
from ecommerce.orders.terms import SaleTerms
from ecommerce.pricing.given_taxes import with_taxes
from ecommerce.pricing.order import PricedTax, Totals
from ecommerce.pricing.taxes import Tax
from ecommerce.taxes.territories import Place, area_of, is_in_eu

REASONS = {
    "AE": gettext_lazy("Reverse charge: the customer accounts for the VAT."),
    "K": gettext_lazy("Intra-community supply, exempt by Art. 138 of Directive 2006/112/EC."),
    "G": gettext_lazy("Export outside the EU, exempt by Art. 146 of Directive 2006/112/EC."),
    "E": gettext_lazy("Exempt from tax."),
    "O": gettext_lazy("Not registered for tax there."),
}


def calculate(
    totals: Totals, *, categories: Sequence[str], quantities: Sequence[int], shipped: bool, terms: SaleTerms
) -> TaxCalculation:
    """Ask Stripe Tax for the taxes of untaxed totals; raise OrderError, and nothing was charged.

    `categories` and `quantities` are those of the lines.
    """
    place = terms.buyer.ship_to if shipped else terms.buyer.home
    if place is None:
        sentence = _("The tax can't be calculated without an address; nothing was charged.")
        raise OrderError("address_required", sentence, field="address_id")
    request = TaxRequest(
        currency=totals.currency,
        included=terms.prices_include_tax(totals.currency),
        lines=tuple(
            TaxableLine(
                reference=line_reference(number),
                amount=line.amount - line.discount,
                quantity=quantity,
                tax_code=tax_codes.TAX_CODES.get(category, ""),
            )
            for number, (line, category, quantity) in enumerate(
                zip(totals.lines, categories, quantities, strict=True), start=1
            )
        ),
        ship_to=_address(place),
        address_source="shipping" if shipped else "billing",
        shipping=totals.shipping if shipped else None,
        shipping_tax_code=tax_codes.SHIPPING_TAX_CODE,
        ship_from=TaxAddress(country=terms.shop.country) if terms.shop.country else None,
        tax_id=tax_codes.stripe_tax_id(terms.buyer.tax_id) if terms.buyer.tax_id else None,
        exempt=bool(terms.buyer.exempt_reason),
        tax_date=terms.at,
    )
    try:
        return gateway_tax.calculate(request)
    except TaxNotCalculated as error:
        raise OrderError("tax_unavailable", error.message) from error


def apply_calculation(
    totals: Totals, calculation: TaxCalculation, *, shipped: Sequence[bool], terms: SaleTerms
) -> Totals:
    """Return untaxed totals with the taxes of a calculation; raise OrderError where it is one of other prices."""
    asked = [line.amount - line.discount for line in totals.lines]
    answered = [line.amount for line in calculation.lines]
    shipping = calculation.shipping.amount if calculation.shipping else 0
    if (asked, totals.shipping, totals.currency) != (answered, shipping, calculation.currency):
        sentence = _("Prices have changed while the tax was calculated. Nothing was charged: try again.")
        raise OrderError("tax_unavailable", sentence)
    return with_taxes(
        totals,
        lines=[_taxes(part, goods=goods, terms=terms) for part, goods in zip(calculation.lines, shipped, strict=True)],
        shipping=_taxes(calculation.shipping, goods=True, terms=terms) if calculation.shipping else (),
        included=calculation.included,
    )


def _taxes(part: CalculatedPart, *, goods: bool, terms: SaleTerms) -> tuple[PricedTax, ...]:
    taxes = []
    for tax in part.taxes:
        category = _category(tax, goods=goods, terms=terms)
        named = Tax(
            country=tax.country,
            region=tax.state,
            name=f"{tax.jurisdiction} {tax.name}".strip() or _("Tax"),
            percent=tax.percent,
            category=category,
            reason="" if category in {"S", "Z"} else str(REASONS[category]),
        )
        taxes.append(PricedTax(tax=named, taxable=tax.taxable, amount=tax.amount))
    return tuple(taxes)


def _category(tax: CalculatedTax, *, goods: bool, terms: SaleTerms) -> str:
    """Return EN 16931's category of Stripe's reason: goods that cross a border have other ones than services."""
    category = tax_codes.CATEGORIES.get(tax.reason, "S")
    if category == "S" and not tax.percent:
        # A tax of 0 % needs a reason that an invoice can name: none is better than a wrong one.
        sentence = _("Stripe Tax charges no tax for a reason that is not known here (%(reason)s). Nothing was charged.")
        raise OrderError("tax_unavailable", sentence % {"reason": tax.reason})
    if not goods or category not in {"AE", "O"}:
        return category
    from_eu = is_in_eu(area_of(Place(country=terms.shop.country), goods=True), goods=True)
    to_eu = terms.place is not None and is_in_eu(area_of(terms.place, goods=True), goods=True)
    if category == "AE":
        return "K" if from_eu and to_eu else category
    return "G" if from_eu and terms.place is not None and not to_eu else category


def _address(place: Place) -> TaxAddress:
    return TaxAddress(
        country=place.country,
        state=state_code(place.country, place.region),
        postal_code=place.postal_code,
        city=place.city,
    )
