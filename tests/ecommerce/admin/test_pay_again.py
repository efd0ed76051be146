"""The page "Pay with another card": for an order that is created and not paid."""

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ecommerce.models import Order, ShopSettings, Sku, TaxRate
from tests.support.factories import make_card, make_customer, make_staff, place_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(client: Client) -> Client:
    client.force_login(make_staff("ana", "ecommerce.add_order", "ecommerce.view_order"))
    return client


@pytest.fixture
def declined() -> Order:
    return place_order(token="pm_card_chargeDeclinedInsufficientFunds")


def address(order: Order) -> str:
    return reverse("admin:ecommerce_order_pay", args=[order.pk])


def test_the_page_names_the_money_and_what_went_wrong(ana: Client, declined: Order) -> None:
    page = ana.get(address(declined)).content.decode()
    assert "Charge USD 15.00" in page
    assert "The last payment failed: Your card has insufficient funds." in page


def test_another_card_pays(ana: Client, declined: Order) -> None:
    card = make_card(declined.customer)
    response = ana.post(address(declined), {"card": card.pk}, follow=True)
    assert Order.objects.get(pk=declined.pk).status == "paid"
    assert f"Order {declined.number} is paid: USD 15.00 was charged." in response.content.decode()


def test_a_new_card_pays(ana: Client, declined: Order) -> None:
    ana.post(address(declined), {"card": "new", "token": "pm_card_visa", "save_card": "on"})
    assert Order.objects.get(pk=declined.pk).status == "paid"
    assert declined.customer.cards.get(removed_at=None).last4 == "4242"


def test_a_second_decline_says_so_again(ana: Client, declined: Order) -> None:
    sent = {"card": "new", "token": "pm_card_chargeDeclined"}
    page = ana.post(address(declined), sent, follow=True).content.decode()
    assert "its payment failed: Your card was declined." in page
    assert Order.objects.get(pk=declined.pk).status == "created"


def test_sent_twice_it_charges_once(ana: Client, declined: Order, ledger: Any) -> None:
    sent = {"card": "new", "token": "pm_card_visa"}
    ana.post(address(declined), sent)
    second = ana.post(address(declined), sent, follow=True).content.decode()
    assert "only a created order can be paid" in second
    assert [each["status"] for each in ledger()["payment_intents"]].count("succeeded") == 1


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({}, "Choose a card, or give a new one."),
        ({"card": "new"}, "Choose a card, or give a new one."),
        ({"card": "999999"}, "This customer has no such card."),
        ({"card": "new", "token": "4242424242424242"}, "This is not a card that Stripe knows"),
    ],
)
def test_what_is_no_card_charges_nothing(
    ana: Client, declined: Order, ledger: Any, sent: dict[str, str], sentence: str
) -> None:
    before = ledger()
    page = ana.post(address(declined), sent).content.decode()
    assert page.count(sentence) == 2  # at the field, and above
    assert (Order.objects.get(pk=declined.pk).money_state, ledger()) == ("payment_failed", before)


def test_an_expired_card_and_that_of_somebody_else_charge_nothing(ana: Client, declined: Order) -> None:
    expired = make_card(declined.customer, exp_year=2020, exp_month=4)
    stranger = make_card(make_customer("bob@example.com"), token="tok_mastercard")
    assert "expired 04/2020" in ana.post(address(declined), {"card": expired.pk}).content.decode()
    page = ana.post(address(declined), {"card": stranger.pk}).content.decode()
    assert "This customer has no such card." in page
    assert "4444" not in page
    assert Order.objects.get(pk=declined.pk).status == "created"


def test_an_order_that_is_paid_is_not_asked_to_pay(ana: Client) -> None:
    order = place_order()
    response = ana.get(address(order), follow=True)
    assert response.redirect_chain == [(reverse("admin:ecommerce_order_change", args=[order.pk]), 302)]
    assert f"Order {order.number} is not waiting for a payment." in response.content.decode()


def test_an_order_that_is_not_there_is_not_found(ana: Client) -> None:
    assert ana.get(reverse("admin:ecommerce_order_pay", args=[999_999])).status_code == 404


def test_a_price_that_has_changed_is_named_and_accepted_by_the_button(ana: Client, declined: Order) -> None:
    Sku.objects.update(price=1800)
    sent = {"card": "new", "token": "pm_card_visa"}
    # Of an old page, and of no page at all.
    for old in ({"expected_total": "1500"}, {}, {"expected_total": "x"}, {"expected_total": "9" * 40}):
        page = ana.post(address(declined), {**sent, **old}).content.decode()
        assert "The total is USD 18.00 now" in page
        assert Order.objects.get(pk=declined.pk).status == "created"
    page = ana.get(address(declined)).content.decode()
    assert "The total has changed from USD 15.00 to USD 18.00" in page
    assert "Charge USD 18.00" in page
    assert 'name="expected_total" value="1800"' in page
    said = ana.post(address(declined), {**sent, "expected_total": "1800"}, follow=True).content.decode()
    assert f"Order {declined.number} is paid: USD 18.00 was charged." in said


def test_what_is_off_sale_says_so_before_the_button(ana: Client, declined: Order) -> None:
    Sku.objects.update(active=False)
    assert "is not on sale." in ana.get(address(declined)).content.decode()


def test_what_has_changed_is_shown_row_by_row(ana: Client) -> None:
    ShopSettings.objects.update(country="DE", tax_included_currencies=[])
    rate = TaxRate.objects.create(country="DE", tax_category="standard", name="VAT", percent=19)
    order = place_order(token="pm_card_chargeDeclined")
    assert "What has changed" not in ana.get(address(order)).content.decode()
    TaxRate.objects.filter(pk=rate.pk).update(percent=20)
    page = ana.get(address(order)).content.decode()
    assert "The total has changed from USD 17.85 to USD 18.00" in page
    assert re.findall(r'<th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td>', page) == [
        ("VAT 19 %", "USD 2.85", "—"),
        ("VAT 20 %", "—", "USD 3.00"),
        ("Total", "USD 17.85", "USD 18.00"),
    ]
