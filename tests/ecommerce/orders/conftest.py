import pytest

from customers.models import Address
from ecommerce.models import ShippingRate, ShippingZone, ShopSettings, TaxRate
from tests.support.factories import make_address, make_customer


@pytest.fixture
def germany() -> Address:
    """A shop in Germany that charges VAT on top in USD and includes it in EUR, and a customer in Berlin."""
    ShopSettings.objects.update(country="DE", tax_included_currencies=["eur"])
    for category, percent in (("standard", 19), ("reduced", 7)):
        TaxRate.objects.create(country="DE", tax_category=category, name="VAT", percent=percent)
    zone = ShippingZone.objects.create(name="Germany", countries=["DE"])
    for currency in ("usd", "eur"):
        ShippingRate.objects.create(zone=zone, name="Parcel", currency=currency, price=490)
        ShippingRate.objects.create(zone=zone, name="Express", currency=currency, price=1290)
    return make_address(make_customer(), country="DE", postal_code="10115", city="Berlin")
