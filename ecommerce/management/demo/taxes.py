"""What the demo shop is taxed by: a German shop whose prices include tax in EUR, and have it on top in USD."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from customers.models import Address, Customer
from customers.tax_ids import check, columns
from ecommerce.management.demo.seller import TAX_ID
from ecommerce.models import ShopSettings, TaxCategory, TaxRate

STANDARD, REDUCED = TaxCategory.STANDARD, TaxCategory.REDUCED
# Country, state, city, category, name, percent.
RATES = (
    ("DE", "", "", STANDARD, "VAT", "19"),
    ("DE", "", "", REDUCED, "VAT", "7"),
    ("FR", "", "", STANDARD, "VAT", "20"),
    ("FR", "", "", REDUCED, "VAT", "5.5"),
    ("US", "CA", "", STANDARD, "California sales tax", "7.25"),
    ("US", "CA", "San Francisco", STANDARD, "San Francisco district tax", "1.375"),
    ("US", "NY", "", STANDARD, "New York State sales tax", "4"),
    ("US", "NY", "New York", STANDARD, "New York City sales tax", "4.5"),
    ("US", "NY", "New York", STANDARD, "Metropolitan commuter tax", "0.375"),
)


def create_taxes() -> None:
    ShopSettings.objects.update(country="DE", tax_id=TAX_ID, tax_included_currencies=["eur"])
    TaxRate.objects.bulk_create(
        TaxRate(country=country, region=state, city=city, tax_category=category, name=name, percent=Decimal(percent))
        for country, state, city, category, name, percent in RATES
    )


def name_a_business(customers: Sequence[Customer], *, at: datetime) -> None:
    """Make the first French customer a business: its goods are taxed in France, by itself."""
    found = next((each for each in customers if each.addresses.filter(country="FR").exists()), None)
    if found:
        Customer.objects.filter(pk=found.pk).update(**columns(check("FR40303265045"), at=at))
        found.addresses.update(company="Imprimerie Rivoli SARL")
        # What it downloads is invoiced, too, and an e-invoice has to say where a business is.
        billing = found.addresses.get(country="FR")
        billing.pk, billing.kind, billing.by_customer = None, Address.Kind.BILLING, True
        billing.save()
