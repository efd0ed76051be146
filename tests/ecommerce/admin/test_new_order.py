"""The New order page without a browser's script: what it refuses, what it keeps, and that it makes one order."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import Invoice
from customers.models import Address, Customer
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Coupon, Order, Sku
from tests.support.factories import make_address, make_card, make_coupon, make_customer, make_sku, make_staff

pytestmark = pytest.mark.django_db

ADD = reverse("admin:ecommerce_order_add")


@pytest.fixture
def ana(client: Client) -> Client:
    client.force_login(make_staff("ana", "ecommerce.add_order", "ecommerce.view_order"))
    return client


@pytest.fixture
def ada() -> Customer:
    return make_customer()


@pytest.fixture
def mug() -> Sku:
    return make_sku(shippable=True, stock=10)


@pytest.fixture
def ebook() -> Sku:
    return make_sku("EBOOK", product="Book", name="EPUB", price=900)


def form(customer: Customer, *items: tuple[Sku, Any], **more: Any) -> dict[str, Any]:
    """The data of a submitted form, without the expected total."""
    sent: dict[str, Any] = {"customer_id": customer.pk, "key": str(uuid4()), "save_card": "on", "_submit": "1"}
    for number, (sku, quantity) in enumerate(items):
        sent |= {f"items-{number}-sku_id": sku.pk, f"items-{number}-quantity": quantity}
    return sent | more


def total(amount: int, currency: str = "usd") -> dict[str, Any]:
    return {"expected_total": amount, "expected_currency": currency}


@pytest.fixture
def refused(ledger: Any, ana: Client, mug: Sku) -> Any:
    """Return a function that posts a form, asserts that nothing happened, and returns the page."""

    def held() -> list[Any]:
        return [*Sku.objects.values_list("pk", "inventory_quantity"), *Coupon.objects.values_list("times_redeemed")]

    def send(sent: dict[str, Any]) -> str:
        before = held()
        response = ana.post(ADD, sent)
        assert (response.status_code, Order.objects.count(), Invoice.objects.count()) == (200, 0, 0)
        assert (ledger(), held()) == ({"payment_intents": [], "refunds": [], "tax_transactions": []}, before)
        return response.content.decode()

    return send


def test_an_order_is_placed_and_paid_with_a_saved_card(ana: Client, ada: Customer, mug: Sku) -> None:
    address, card = make_address(ada), make_card(ada)
    response = ana.post(ADD, form(ada, (mug, 3), address=address.pk, card=card.pk, **total(4500)), follow=True)
    order = Order.objects.get()
    assert response.redirect_chain == [(reverse("admin:ecommerce_order_change", args=[order.pk]), 302)]
    assert (order.status, order.total, order.placed_via) == ("paid", 4500, "staff")
    assert order.shipping_address == address.frozen()
    assert f"Order {order.number} is paid: USD 45.00 was charged." in response.content.decode()
    assert Sku.objects.get(pk=mug.pk).inventory_quantity == 7


def test_a_new_card_and_a_new_address_are_saved(ana: Client, ada: Customer, mug: Sku) -> None:
    typed = {"name": "Ada King", "line1": "1 Ockham Park", "city": "Ockham", "country": "GB", "postal_code": "GU23"}
    sent = {f"address-{name}": value for name, value in typed.items()} | {"address": "new"}
    ana.post(ADD, form(ada, (mug, 1), card="new", token="pm_card_visa", **sent, **total(1500)))
    order = Order.objects.get()
    address = Address.objects.get(customer=ada, name="Ada King", city="Ockham")
    assert (order.status, order.shipping_address) == ("paid", address.frozen())
    assert ada.cards.get(removed_at=None).last4 == "4242"


def test_a_total_of_zero_needs_no_card(ana: Client, ada: Customer, ebook: Sku, ledger: Any) -> None:
    make_coupon("FREE", percent_off=100)
    response = ana.post(ADD, form(ada, (ebook, 1), coupon_code="free", **total(0)), follow=True)
    assert "there was nothing to charge" in response.content.decode()
    assert (Order.objects.get().status, ledger()["payment_intents"]) == ("paid", [])


def test_the_rows_of_one_sku_are_added_up(ana: Client, ada: Customer, ebook: Sku) -> None:
    ana.post(ADD, form(ada, (ebook, 1), (ebook, 2), card="new", token="pm_card_visa", **total(2700)))
    assert [(item.sku, item.quantity) for item in Order.objects.get().items.all()] == [(ebook, 3)]


def test_nobody_orders_without_a_customer(refused: Any, ada: Customer, ebook: Sku) -> None:
    page = refused(form(ada, (ebook, 1), card="new", token="pm_card_visa", **total(900)) | {"customer_id": ""})
    assert "Choose a customer." in page


def test_a_customer_who_is_gone_is_said_to_be(refused: Any, ada: Customer, ebook: Sku) -> None:
    assert "This customer does not exist any more" in refused(form(ada, (ebook, 1)) | {"customer_id": "999999"})


def test_an_order_has_an_item(refused: Any, ada: Customer) -> None:
    assert "Choose at least one item." in refused(form(ada, card="new", token="pm_card_visa"))


def test_a_row_with_a_quantity_needs_a_sku(refused: Any, ada: Customer) -> None:
    assert "Choose a SKU, or remove this row." in refused(form(ada) | {"items-0-quantity": "3"})


@pytest.mark.parametrize("quantity", ["0", "-1", "1.5", "1000000000", "10^9", "1e9", "many", "", "1" * 19])
def test_a_quantity_is_a_whole_number(refused: Any, ada: Customer, ebook: Sku, quantity: str) -> None:
    page = refused(form(ada, (ebook, quantity), card="new", token="pm_card_visa", **total(900)))
    assert "A quantity is a whole number from 1 to 9999." in page
    assert "This SKU does not exist any more" not in page
    assert f'value="{quantity}"' in page


def test_no_more_than_there_is_in_stock(refused: Any, ada: Customer, mug: Sku) -> None:
    address = make_address(ada)
    page = refused(form(ada, (mug, 11), address=address.pk, card="new", token="pm_card_visa", **total(16500)))
    assert "Mug, red (MUG-RED): 10 in stock, 11 wanted." in page


def test_an_inactive_sku_is_not_on_sale(refused: Any, ada: Customer, ebook: Sku) -> None:
    Sku.objects.filter(pk=ebook.pk).update(active=False)
    page = refused(form(ada, (ebook, 1), card="new", token="pm_card_visa", **total(900)))
    assert "Book, EPUB (EBOOK) is not on sale." in page


def test_one_order_has_one_currency(refused: Any, ada: Customer, ebook: Sku) -> None:
    euro = make_sku("EURO", currency="eur")
    page = refused(form(ada, (ebook, 1), (euro, 1), card="new", token="pm_card_visa", **total(2400)))
    assert "these are in EUR, USD" in page


@pytest.mark.parametrize(
    ("terms", "sentence"),
    [
        ({"code": "OTHER"}, "There is no coupon “SAVE10”."),
        ({"redeem_by": timezone.now() - timedelta(days=1)}, "Coupon SAVE10 expired at "),
        ({"max_redemptions": 1, "times_redeemed": 1}, "Coupon SAVE10 is used up."),
        ({"active": False}, "There is no coupon “SAVE10”."),
        ({"amount_off": 100, "currency": "eur"}, "Coupon SAVE10 takes off an amount in EUR; this order is in USD."),
    ],
    ids=["unknown", "expired", "used-up", "inactive", "other-currency"],
)
def test_a_coupon_that_does_not_hold_is_said_why(
    refused: Any, ada: Customer, ebook: Sku, terms: dict[str, Any], sentence: str
) -> None:
    off = {} if "amount_off" in terms else {"percent_off": 10}
    make_coupon(**{"code": "SAVE10"} | off | terms)
    sent = form(ada, (ebook, 1), card="new", token="pm_card_visa", coupon_code="SAVE10", **total(900))
    page = refused(sent)
    assert sentence in page
    assert 'value="SAVE10"' in page


def test_an_address_is_needed_where_something_is_shipped(refused: Any, ada: Customer, mug: Sku) -> None:
    page = refused(form(ada, (mug, 1), card="new", token="pm_card_visa", **total(1500)))
    assert "Something here is shipped: give an address." in page


def test_a_new_address_is_whole(refused: Any, ada: Customer, mug: Sku) -> None:
    sent = {"address": "new", "address-name": "Ada King", "address-country": "XX"}
    page = refused(form(ada, (mug, 1), card="new", token="pm_card_visa", **sent, **total(1500)))
    assert page.count("This field is required.") == 4  # street and city, at the field and in the summary
    assert "XX is not one of the available choices" in page
    assert 'value="Ada King"' in page


def test_nobody_ships_to_the_address_of_somebody_else(refused: Any, ada: Customer, mug: Sku) -> None:
    stranger = make_address(make_customer("bob@example.com"))
    page = refused(form(ada, (mug, 1), address=stranger.pk, card="new", token="pm_card_visa", **total(1500)))
    assert "This customer has no such address." in page
    assert stranger.line1 not in page


def test_an_order_needs_a_card(refused: Any, ada: Customer, ebook: Sku) -> None:
    assert "Choose a card, or give a new one." in refused(form(ada, (ebook, 1), **total(900)))


def test_an_expired_card_is_not_charged(refused: Any, ada: Customer, ebook: Sku) -> None:
    card = make_card(ada, exp_year=2020, exp_month=4)
    page = refused(form(ada, (ebook, 1), card=card.pk, **total(900)))
    assert "Visa •••• 4242 expired 04/2020." in page
    assert '<span class="of-tag">Expired</span>' in page


def test_nobody_pays_with_the_card_of_somebody_else(refused: Any, ada: Customer, ebook: Sku) -> None:
    stranger = make_card(make_customer("bob@example.com"))
    assert "This customer has no such card." in refused(form(ada, (ebook, 1), card=stranger.pk, **total(900)))


@pytest.mark.parametrize("card", ["0", "999999999999999999", "visa", "-1"])
def test_a_card_that_is_none_is_refused(refused: Any, ada: Customer, ebook: Sku, card: str) -> None:
    assert "This customer has no such card." in refused(form(ada, (ebook, 1), card=card, **total(900)))


def test_a_removed_card_is_neither_shown_nor_charged(refused: Any, ada: Customer, ebook: Sku) -> None:
    card = make_card(ada, removed_at=timezone.now())
    page = refused(form(ada, (ebook, 1), card=card.pk, **total(900)))
    assert "This customer has no such card." in page
    assert f'name="card" value="{card.pk}"' not in page


def test_a_token_that_is_no_name_of_stripes_is_refused(refused: Any, ada: Customer, ebook: Sku) -> None:
    page = refused(form(ada, (ebook, 1), card="new", token="4242424242424242", **total(900)))
    assert "This is not a card that Stripe knows" in page


def test_a_price_that_changed_is_shown_and_not_charged(refused: Any, ada: Customer, ebook: Sku) -> None:
    sent = form(ada, (ebook, 2), card="new", token="pm_card_visa", token_label="Visa •••• 4242", **total(1700))
    page = refused(sent)
    assert "The total has changed meanwhile" in page
    assert "Submit and charge USD 18.00" in page
    assert 'name="token" value="pm_card_visa"' in page


def test_a_currency_that_changed_is_shown_and_not_charged(refused: Any, ada: Customer, ebook: Sku) -> None:
    page = refused(form(ada, (ebook, 2), card="new", token="pm_card_visa", **total(1800, "eur")))
    assert "The total has changed meanwhile" in page


def test_a_total_that_nobody_has_seen_is_not_charged(refused: Any, ada: Customer, ebook: Sku) -> None:
    assert "This is the total; nothing was charged yet." in refused(
        form(ada, (ebook, 2), card="new", token="pm_card_visa")
    )


def test_the_same_form_sent_twice_makes_one_order(ana: Client, ada: Customer, ebook: Sku, ledger: Any) -> None:
    sent = form(ada, (ebook, 1), card="new", token="pm_card_visa", **total(900))
    first, second = ana.post(ADD, sent), ana.post(ADD, sent)
    assert first["Location"] == second["Location"]
    assert (Order.objects.count(), len(ledger()["payment_intents"])) == (1, 1)


def test_a_page_that_made_an_order_says_so_when_it_is_sent_changed(ana: Client, ada: Customer, ebook: Sku) -> None:
    sent = form(ada, (ebook, 1), card="new", token="pm_card_visa", **total(900))
    ana.post(ADD, sent)
    page = ana.post(ADD, sent | {"items-0-quantity": "2"} | total(1800)).content.decode()
    order = Order.objects.get()
    assert f"This page has made order {order.number} already." in page
    assert reverse("admin:ecommerce_order_change", args=[order.pk]) in page
    assert sent["key"] not in page


def test_going_back_finds_the_order_that_the_page_made(ana: Client, ada: Customer, ebook: Sku) -> None:
    sent = form(ada, (ebook, 1), card="new", token="pm_card_visa", **total(900))
    ana.post(ADD, sent)
    page = ana.get(ADD, {"key": sent["key"]}).content.decode()
    assert f'name="key" value="{sent["key"]}"' in page
    assert f"This page has made order {Order.objects.get().number} already." in page


@pytest.mark.parametrize("key", ["", "x", "00000000-0000-0000-0000-00000000000g"])
def test_a_key_that_is_none_is_refused_and_nothing_typed_is_lost(
    refused: Any, ada: Customer, ebook: Sku, key: str
) -> None:
    sent = form(ada, (ebook, 3), card="new", token="pm_card_visa", coupon_code="", **total(2700)) | {"key": key}
    page = refused(sent)
    assert "is missing or unreadable; nothing was ordered." in page
    assert 'value="Ada Lovelace &lt;ada@example.com&gt;"' in page
    assert 'value="pm_card_visa"' in page
    assert 'value="3"' in page
    assert re.search(r'name="key" value="[0-9a-f-]{36}"', page)


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_make_one_order(ana: Client, ada: Customer, mug: Sku, ledger: Any) -> None:
    address = make_address(ada)
    sent = form(ada, (mug, 1), address=address.pk, card="new", token="pm_card_visa", **total(1500))

    def send(_number: int) -> str:
        browser = Client()
        browser.cookies = ana.cookies
        try:
            return str(browser.post(ADD, sent)["Location"])
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        locations = set(pool.map(send, range(20)))
    order = Order.objects.get()
    assert locations == {reverse("admin:ecommerce_order_change", args=[order.pk])}
    assert (order.status, Sku.objects.get(pk=mug.pk).inventory_quantity) == ("paid", 9)
    assert len(ledger()["payment_intents"]) == 1


def test_a_declined_card_leaves_the_order_and_its_reason(ana: Client, ada: Customer, ebook: Sku) -> None:
    sent = form(ada, (ebook, 1), card="new", token="pm_card_chargeDeclinedInsufficientFunds", **total(900))
    page = ana.post(ADD, sent, follow=True).content.decode()
    order = Order.objects.get()
    assert (order.status, order.money_state) == ("created", "payment_failed")
    assert f"Order {order.number} is created, but its payment failed: Your card has insufficient funds." in page
    assert reverse("admin:ecommerce_order_pay", args=[order.pk]) in page


def test_an_authentication_is_said_to_be_the_customers(ana: Client, ada: Customer, ebook: Sku) -> None:
    sent = form(ada, (ebook, 1), card="new", token="pm_card_authenticationRequired", **total(900))
    page = ana.post(ADD, sent, follow=True).content.decode()
    assert "bank asks the customer to confirm the payment" in page


def test_a_payment_that_is_not_known_is_said_to_be_confirmed(
    ana: Client, ada: Customer, ebook: Sku, fake_stripe: FakeStripeServer
) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    sent = form(ada, (ebook, 1), card="new", token="pm_card_visa", **total(900))
    assert "its payment of USD 9.00 is being confirmed" in ana.post(ADD, sent, follow=True).content.decode()


def test_those_who_may_not_make_orders_are_turned_away(client: Client, ada: Customer) -> None:
    client.force_login(make_staff("vic", "ecommerce.view_order"))
    order = reverse("admin:ecommerce_order_pay", args=[1])
    names = ("add", "quote", "customers", "skus")
    addresses = [reverse(f"admin:ecommerce_order_{name}") for name in names]
    assert {client.get(address).status_code for address in [*addresses, order]} == {403}
    assert {client.post(address, form(ada)).status_code for address in [*addresses, order]} == {403}


def test_who_is_not_signed_in_is_asked_to(client: Client) -> None:
    assert client.get(ADD)["Location"].startswith(reverse("admin:login"))


def found(client: Client, name: str, text: str) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = client.get(reverse(f"admin:ecommerce_order_{name}"), {"q": text}).json()["results"]
    return results


@pytest.mark.parametrize("text", ["ada@", "ADA@EXAMPLE.COM", "ada", "Lovel", "ada love", "example"])
def test_a_customer_is_found_by_the_beginning_of_name_or_email(ana: Client, ada: Customer, text: str) -> None:
    make_customer("bob@elsewhere.org", first_name="Bob", last_name="Noyce")
    assert found(ana, "customers", text) == [{"id": ada.pk, "label": "Ada Lovelace <ada@example.com>", "detail": ""}]


@pytest.mark.parametrize("text", ["'", "%", "_", "&|!", "z & (", "\\", "nobody"])
def test_whatever_is_typed_finds_nothing_at_worst(ana: Client, ada: Customer, mug: Sku, text: str) -> None:
    assert (found(ana, "customers", text), found(ana, "skus", text)) == ([], [])


def test_before_anything_is_typed_the_newest_customers_are_shown(ana: Client, ada: Customer) -> None:
    newest = [make_customer(f"c{number}@example.com").pk for number in range(20)]
    assert [each["id"] for each in found(ana, "customers", "")] == newest[::-1]


@pytest.mark.parametrize("text", ["mug", "MUG-R", "red mug", "ug-re"])
def test_a_sku_is_found_by_code_name_or_product(ana: Client, mug: Sku, ebook: Sku, text: str) -> None:
    shown = {"id": mug.pk, "label": "Mug, red (MUG-RED)", "detail": "USD 15.00, 10 in stock"}
    assert found(ana, "skus", text) == [shown]


def test_only_what_is_on_sale_is_offered(ana: Client, mug: Sku, ebook: Sku) -> None:
    Sku.objects.filter(pk=mug.pk).update(active=False)
    assert [each["detail"] for each in found(ana, "skus", "")] == ["USD 9.00, always in stock"]


def test_the_totals_are_refreshed_and_nothing_is_kept(ana: Client, ada: Customer, mug: Sku, ledger: Any) -> None:
    make_coupon()
    sent = form(ada, (mug, 2), coupon_code="SAVE10")
    page = ana.post(reverse("admin:ecommerce_order_quote"), sent).content.decode()
    assert "SAVE10 takes USD 3.00 off." in page
    assert "Submit and charge USD 27.00" in page
    assert "<html" not in page
    assert (Order.objects.count(), ledger()["payment_intents"]) == (0, [])


def test_totals_are_asked_for_by_post(ana: Client) -> None:
    assert ana.get(reverse("admin:ecommerce_order_quote")).status_code == 405


def test_a_customer_may_be_chosen_before(ana: Client, ada: Customer) -> None:
    assert 'value="Ada Lovelace &lt;ada@example.com&gt;"' in ana.get(ADD, {"customer": ada.pk}).content.decode()


@pytest.mark.parametrize("wrong", ["0", "-1", "x", "9" * 30])
def test_a_link_to_a_customer_who_is_none_says_so(ana: Client, wrong: str) -> None:
    page = ana.get(ADD, {"customer": wrong, "key": "x"})
    assert (page.status_code, page.content.decode().count("This customer does not exist any more")) == (200, 1)


def test_rows_are_added_and_removed_without_a_script(ana: Client, ada: Customer, mug: Sku, ebook: Sku) -> None:
    sent = form(ada, (mug, 2), (ebook, "1.5"), coupon_code="SAVE10") | {"_submit": ""}
    del sent["_submit"]
    added = ana.post(ADD, sent | {"_add": "1"}).content.decode()
    assert [f'name="items-{number}-quantity"' in added for number in range(4)] == [True, True, True, False]
    removed = ana.post(ADD, sent | {"_remove": "0"}).content.decode()
    assert [f'name="items-{number}-quantity"' in removed for number in range(2)] == [False, True]
    assert 'value="1.5"' in removed


def test_what_a_text_may_mean_is_offered_without_a_script(ana: Client, ada: Customer, mug: Sku) -> None:
    blue = make_sku("MUG-BLUE", name="blue")
    sent = {"customer": "ada", "items-0-sku": "mug", "items-0-quantity": "1", "_update": "1"}
    page = ana.post(ADD, sent).content.decode()
    assert "Several SKUs match “mug”; choose one." in page
    picked = ana.post(ADD, sent | {"_pick_sku": f"0-{blue.pk}"}).content.decode()
    assert 'value="Mug, blue (MUG-BLUE)"' in picked
    assert 'value="Ada Lovelace &lt;ada@example.com&gt;"' in picked


def test_a_text_changed_after_picking_counts(ana: Client, ada: Customer, mug: Sku, ebook: Sku) -> None:
    sent = form(ada, (mug, 1), **{"items-0-sku": "EBOOK"}, card="new", token="pm_card_visa", **total(900))
    ana.post(ADD, sent)
    assert [item.sku for item in Order.objects.get().items.all()] == [ebook]
