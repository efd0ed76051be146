from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Count
from pytest_django.fixtures import Settings

from customers.models import User
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Fulfillment, NoteMention, Order, OrderEvent, OrderItem, Sku, TaxLine
from ecommerce.shipping.carriers import number_problem
from ecommerce.shipping.options import ShippingOption, options
from ecommerce.shipping.zones import rates_for
from tests.ecommerce.shipping.test_options import Place
from tests.support.factories import place_order

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("roles")]


# That its orders of each kind are there, tests/devserver/test_run.py sees each time.
@pytest.mark.full
def test_the_demo_is_a_plausible_shop_whose_books_agree(
    fake_stripe: FakeStripeServer, balanced: Callable[[], None]
) -> None:
    fake_stripe.faults(webhooks="off")
    call_command("demo", verbosity=0)

    assert Order.objects.count() == 300
    assert set(Order.objects.values_list("status", flat=True)) == set(Order.Status.values)
    assert set(Order.objects.values_list("currency", flat=True)) == {"usd", "eur", "jpy", "kwd"}
    states = {"", "payment_failed", "authentication_required", "refund_pending", "refund_failed"}
    assert set(Order.objects.values_list("money_state", flat=True)) == states
    assert Sku.objects.count() == 34
    assert not Sku.objects.filter(product__shippable=True, weight=0).exists()
    assert {option.name for option in _options("DE", "10119")} == {"Standard", "Express"}
    assert [option.days_to for option in _options("US", "96801", "HI")] == [10, 2]
    taxed = Order.objects.filter(tax__gt=0)
    assert set(taxed.values_list("currency", "prices_include_tax")) == {("usd", False), ("eur", True)}
    rates = TaxLine.objects.exclude(amount=0).values_list("order__currency", "rate").distinct()
    assert {("eur", 19), ("eur", 7), ("usd", Decimal("4.5"))} <= set(rates)
    assert set(TaxLine.objects.values_list("category", flat=True)) >= {"S", "K", "G"}
    assert Order.objects.filter(manual_discount__gt=0).exclude(discount_reason="").exists()
    assert OrderItem.objects.filter(sku=None, description="Gift wrapping").exists()
    assert Order.objects.filter(on_hold=True).count() == 2
    assert Order.objects.filter(on_hold=True, held_for_review=True).exists()
    assert Order.objects.filter(tags__name="fragile", assignee__username="fulfillment").exists()
    assert NoteMention.objects.get().user.username == "fulfillment"
    assert OrderEvent.objects.filter(kind="address_changed").count() == 1
    assert Order.objects.filter(status="paid", fulfillment_state="partial").count() == 1
    in_two = Order.objects.annotate(parcels=Count("fulfillments")).filter(parcels=2).get()
    assert (in_two.status, len(in_two.fulfillments.latest("pk").tracking_numbers)) == ("fulfilled", 2)
    sent = Fulfillment.objects.exclude(tracking_number="")
    assert not any(number_problem(each.carrier, number) for each in sent for number in each.tracking_numbers)
    assert User.objects.filter(is_staff=True, groups__isnull=False).count() == 5
    assert User.objects.get(email="ada@example.com").check_password("ada-demo-password")
    balanced()


def _options(country: str, postal_code: str, region: str = "") -> list[ShippingOption]:
    place = Place(country, region, postal_code)
    return options(rates_for(country), place=place, currency="usd", goods=1000, weight=380)


def test_the_demo_refuses_a_database_with_orders() -> None:
    place_order()
    with pytest.raises(CommandError, match="orders already"):
        call_command("demo")
    assert Order.objects.count() == 1


def test_the_demo_refuses_a_live_key(settings: Settings) -> None:
    settings.STRIPE_SECRET_KEY = "sk_live_x"
    with pytest.raises(CommandError, match="live key"):
        call_command("demo")
    assert Order.objects.count() == 0
