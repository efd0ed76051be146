"""Orders whose taxes Stripe Tax computes: asked before, recorded once when paid, taken back with each refund."""

from typing import Any

import pytest
from django.utils import timezone

from billing import stripe_state
from billing.models import InvoiceTax, Payment, Refund, TaxTransaction
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, ShippingRate, ShippingZone, ShopSettings, Sku, TaxLine
from ecommerce.orders.apply_results import apply_results
from ecommerce.orders.cancel import cancel
from ecommerce.orders.errors import OrderError
from ecommerce.orders.lines import LineRequest
from ecommerce.orders.pay import pay
from ecommerce.orders.place import place
from ecommerce.orders.quotes import QuoteRequest, quote
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.tasks import sweep
from tests.support.factories import ANA, make_address, make_customer, make_sku, wanted_by
from tests.support.order_acts import books, fresh, kinds, settle, sweep_now

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
NOW = timezone.now
WHY: dict[str, Any] = {"reason": "Came broken", "by": ANA}


@pytest.fixture(autouse=True)
def by_stripe(settings: Any) -> None:
    settings.TAX_PROVIDER = "stripe"
    ShopSettings.objects.update_or_create(pk=1, defaults={"country": "DE", "tax_included_currencies": ["eur"]})
    zone = ShippingZone.objects.create(name="Everywhere", rest_of_world=True)
    for currency in ("usd", "eur"):
        ShippingRate.objects.create(zone=zone, name="Parcel", currency=currency, price=500)


def mug(currency: str = "eur") -> Sku:
    return make_sku(shippable=True, price=2000, currency=currency)


def ordered(sku: Sku, **fields: Any) -> Order:
    customer = make_customer()
    address = make_address(customer, country="DE", city="Berlin", postal_code="10115")
    wanted = wanted_by(customer, sku, address_id=address.pk, **fields)
    return place(new_order=wanted, by=ANA, at=NOW())


def recorded() -> list[tuple[str, str, int, int]]:
    rows = TaxTransaction.objects.order_by("pk")
    return [(row.kind, row.status, row.amount, row.tax) for row in rows]


def test_a_sale_is_taxed_and_recorded_once() -> None:
    order = ordered(mug(), quantity=2)
    # 19 % in 40.00 and in 5.00.
    assert (order.status, order.total, order.tax, order.shipping_tax) == ("paid", 4500, 639 + 80, 80)
    assert order.prices_include_tax
    assert set(TaxLine.objects.values_list("source", "category")) == {("stripe", "S")}
    assert sum(InvoiceTax.objects.values_list("amount", flat=True)) == 719
    assert recorded() == [("transaction", "requested", 4500, 719)]
    sweep()
    sweep()
    assert recorded() == [("transaction", "recorded", 4500, 719)]


def test_a_refund_takes_its_tax_back() -> None:
    order = ordered(mug("usd"), quantity=2)
    assert (order.tax, order.total) == (760 + 95, 5355)
    item = order.items.get()
    refund(order_id=order.pk, request=RefundRequest(lines=[(item.pk, 1)]), at=NOW(), **WHY)
    assert settle(order).amount_refunded == 2380
    cancel(order_id=order.pk, at=NOW(), **WHY)
    assert settle(order).status == "canceled"
    sweep_now()
    sweep_now()
    assert recorded() == [
        ("transaction", "recorded", 5355, 855),
        ("reversal", "recorded", 2380, 380),
        ("reversal", "recorded", 2975, 475),
    ]


@pytest.mark.parametrize("fault", [{"fault": "drop_before"}, {"fault": "status", "status": 500}])
def test_where_stripe_tax_is_away_nothing_is_ordered(fake_stripe: FakeStripeServer, fault: dict[str, Any]) -> None:
    fake_stripe.faults({"match": "POST /v1/tax/calculations", **fault})
    sku = mug()
    make_customer()
    before = books()
    with pytest.raises(OrderError) as refused:
        place(
            new_order=wanted_by(
                (customer := make_customer("bob@example.com")),
                sku,
                address_id=make_address(customer, country="DE", city="Berlin", postal_code="10115").pk,
            ),
            by=ANA,
            at=NOW(),
        )
    assert refused.value.code == "tax_unavailable"
    assert books() == before
    assert Payment.objects.count() == 0


def test_the_same_key_places_one_order_and_asks_stripe_tax_once(fake_stripe: FakeStripeServer) -> None:
    sku, customer = mug(), make_customer()
    address = make_address(customer, country="DE", city="Berlin", postal_code="10115")
    wanted = wanted_by(customer, sku, address_id=address.pk, key="one")
    first = place(new_order=wanted, by=ANA, at=NOW())
    fake_stripe.faults({"match": "POST /v1/tax/calculations", "fault": "drop_before"})
    assert place(new_order=wanted, by=ANA, at=NOW()).pk == first.pk
    assert Order.objects.count() == 1


def test_an_order_paid_later_is_calculated_anew() -> None:
    order = ordered(mug(), token="pm_card_chargeDeclined")
    calculated = order.tax_calculation_id
    assert (recorded(), bool(calculated)) == ([], True)
    paid = pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")
    assert paid.status == "paid"
    sweep()
    assert recorded() == [("transaction", "recorded", 2500, 399)]
    assert TaxTransaction.objects.get().calculation_id == fresh(order).tax_calculation_id != calculated


def test_a_refund_that_fails_later_is_taken_back_there(fake_stripe: FakeStripeServer) -> None:
    order = ordered(mug())
    cancel(order_id=order.pk, at=NOW(), **WHY)
    settle(order)
    stripe_id = Refund.objects.get().stripe_refund_id or ""
    fake_stripe.post(f"refunds/{stripe_id}/settle", {"status": "failed"})
    apply_results(results=stripe_state.fetch_refund(stripe_id), at=NOW())
    assert (Refund.objects.get().status, kinds(order)[-1]) == ("failed", "refund_failed")
    sweep_now()
    sweep_now()
    sweep_now()
    assert recorded() == [
        ("transaction", "recorded", 2500, 399),
        ("reversal", "recorded", 2500, 399),
        ("undo", "recorded", 2500, 399),
    ]


def test_a_quote_without_an_address_asks_nothing(fake_stripe: FakeStripeServer) -> None:
    fake_stripe.faults({"match": "POST /v1/tax/calculations", "fault": "drop_before"})
    priced = quote(request=QuoteRequest(items=[LineRequest(sku_id=mug().pk, quantity=1)]), at=NOW())
    assert (priced.totals.tax, priced.tax_calculation) == (0, None)
