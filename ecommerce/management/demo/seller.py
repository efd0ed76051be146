"""Who sells in the demo shop, and what the dollar is worth in the euros of its books."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from billing.models import ExchangeRate, Seller
from billing.sellers import freeze_seller

TAX_ID = "DE136695976"
RATES = (("usd", "0.92310000"), ("gbp", "1.17240000"), ("jpy", "0.00614200"))


def create_seller(*, opened: datetime) -> None:
    with transaction.atomic():
        seller, _is_new = Seller.objects.select_for_update().update_or_create(
            pk=1,
            defaults={
                "name": "Krug & Becher Handels GmbH",
                "line1": "Invalidenstraße 116",
                "postal_code": "10115",
                "city": "Berlin",
                "country": "DE",
                "tax_id": TAX_ID,
                "tax_number": "37/123/45678",
                "registration": "Amtsgericht Charlottenburg, HRB 123456",
                "bank": "IBAN DE89 3704 0044 0532 0130 00",
                "email": "billing@example.com",
                "phone": "+49 30 123456",
                "currency": "eur",
                "footer": "This shop is for trying things out: nobody sends anything.",
            },
        )
        freeze_seller(seller)
    ExchangeRate.objects.bulk_create(
        ExchangeRate(
            currency=currency,
            to_currency="eur",
            rate=Decimal(rate),
            day=opened.date(),
            source="a rate made up for the demo",
        )
        for currency, rate in RATES
    )
