"""An account whose e-mail is not confirmed has what it made itself; look-ups by e-mail are the same everywhere."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress

from billing.models import Card, Invoice
from customers.models import Customer, User
from ecommerce.admin.new_order.forms import CustomerForm
from ecommerce.models import Order, Sku
from tests.support.api_client import CORE, PASSWORD, SDK, Api, basket, paying, sign_in
from tests.support.factories import make_address, make_card, make_customer, make_sku, make_user, place_order
from tests.support.mailbox import deliver

pytestmark = pytest.mark.django_db
SPELLINGS = ("ada@example.com", "ADA@EXAMPLE.COM", "\uff41\uff44\uff41@example.com", "ada\uff20example.com")


@pytest.fixture
def unconfirmed(ada: Api, customer: Customer) -> Api:
    EmailAddress.objects.update(verified=False)
    return ada


def test_what_staff_add_is_not_seen_nor_used(unconfirmed: Api, customer: Customer) -> None:
    sku = make_sku(shippable=True)
    card, address = make_card(customer), make_address(customer, is_default=True)
    order = place_order(customer=customer, sku=make_sku("E"), save_card=False)

    shown = unconfirmed.get(f"{SDK}/customer").data
    assert (shown["email_verified"], shown["addresses"], shown["sources"]) == (False, [], [])
    assert unconfirmed.get(f"{SDK}/ecommerce/orders").data == []
    for answer in (
        unconfirmed.get(f"{SDK}/ecommerce/orders/{order.number}"),
        unconfirmed.post(f"{SDK}/ecommerce/orders/{order.number}/pay", {"source_id": card.pk}),
        unconfirmed.post(f"{SDK}/ecommerce/orders/{order.number}/confirm", {}),
        unconfirmed.post(f"{SDK}/customer/sources/{card.pk}/default", {}),
        unconfirmed.ask("DELETE", f"{SDK}/customer/sources/{card.pk}"),
        unconfirmed.ask("DELETE", f"{SDK}/customer/sources?source_id={card.pk}"),
        unconfirmed.post(f"{SDK}/ecommerce/order", {**paying(sku), "address_id": address.pk}),
        unconfirmed.post(f"{SDK}/ecommerce/order", {**basket(make_sku("F")), "source_id": card.pk}),
    ):
        assert answer.status == 404, answer.body
    assert Order.objects.count() == 1
    assert Card.objects.get(pk=card.pk).removed_at is None


def test_what_the_account_made_is_its_own(unconfirmed: Api, customer: Customer) -> None:
    make_address(customer, kind="billing", line1="1 Staff Street")
    home = {"line1": "1 Own Street", "city": "London", "country": "GB", "type": "shipping"}
    assert unconfirmed.post(f"{SDK}/customer/addresses", home).status == 200
    assert unconfirmed.post(f"{SDK}/customer/sources", {"token": "tok_mastercard"}).status == 200
    (address,) = unconfirmed.get(f"{SDK}/customer").data["addresses"]
    sku = make_sku(shippable=True)
    placed = unconfirmed.post(f"{SDK}/ecommerce/order", {**paying(sku), "address_id": address["id"]})

    assert placed.status == 200, placed.body
    assert unconfirmed.get(f"{SDK}/ecommerce/orders/{placed.order['number']}").status == 200
    assert len(unconfirmed.get(f"{SDK}/customer").data["sources"]) == 2  # the one saved, and the one paid with
    assert "Staff" not in str(Invoice.objects.get().bill_to)


def test_all_is_seen_once_the_email_is_confirmed(unconfirmed: Api, customer: Customer) -> None:
    make_card(customer)
    make_address(customer)
    order = place_order(customer=customer)
    EmailAddress.objects.update(verified=True)

    shown = unconfirmed.get(f"{SDK}/customer").data
    assert (len(shown["addresses"]), shown["email_verified"]) == (1, True)
    assert unconfirmed.get(f"{SDK}/ecommerce/orders/{order.number}").status == 200


def test_the_customer_page_says_not_confirmed(
    unconfirmed: Api, customer: Customer, as_role: Callable[[str], Any]
) -> None:
    page = as_role("Viewer").get(f"/admin/customers/customer/{customer.pk}/change/").content.decode()
    assert "Yes, e-mail not confirmed" in page


@pytest.mark.parametrize("email", SPELLINGS)
def test_an_email_is_found_in_any_spelling(staff: Api, customer: Customer, mug: Sku, email: str) -> None:
    make_customer("other@example.com")
    placed = staff.post(f"{CORE}/orders", {**paying(mug), "email": email})
    assert placed.order["customer"]["id"] == customer.pk
    (listed,) = staff.get(f"{CORE}/orders?{urlencode({'email': email})}").data
    assert listed["number"] == placed.order["number"]
    assert CustomerForm({"customer": email}).look_up(required=True) == customer
    assert sign_in(email).get(f"{SDK}/customer").data["id"] == customer.pk
    assert Api().post(f"{SDK}/auth/register", {"email": email, "password": PASSWORD}).refused[0] == 409
    assert Customer.objects.count() == 2
    deliver().clear()
    assert Api().post(f"{SDK}/auth/password/forgot", {"email": email}).status == 200
    assert {tuple(message.to) for message in deliver()} == {("ada@example.com",)}


def test_an_unknown_email_is_no_customer(staff: Api, customer: Customer, mug: Sku) -> None:
    answer = staff.post(f"{CORE}/orders", {**paying(mug), "email": "b@example.com"})
    assert (answer.refused, answer.error["field"]) == ((404, "unknown_customer"), "email")
    both = staff.post(f"{CORE}/orders", {**paying(mug), "email": "b@example.com", "user_id": customer.pk})
    assert both.refused == (404, "unknown_customer")
    assert not Order.objects.exists()


def test_dotless_i_is_another_person(make_account: Callable[[str], Customer]) -> None:
    make_account("sim@example.com")
    other = make_customer("sım@example.com")
    for email in ("sım@example.com", "sim@example.com", "SIM@example.com"):
        deliver().clear()
        assert Api().post(f"{SDK}/auth/password/forgot", {"email": email}).status == 200
        assert [message.to for message in deliver()] == [[email.lower()]]
    assert User.objects.with_email("sım@example.com").get().pk != Customer.objects.get(user__isnull=False).user_id
    assert Customer.objects.get(pk=other.pk).user is None


def test_a_customer_in_mixed_case_is_claimed() -> None:
    made = make_customer("Grace.Hopper@Example.com")
    assert Api().post(f"{SDK}/auth/password/forgot", {"email": "grace.hopper@example.com"}).status == 200
    key = deliver()[0].body.split("/shop/password/#")[1].split()[0].replace("%3A", ":")
    body = {"key": key, "password": "a password long enough"}
    assert Api().post(f"{SDK}/auth/password/reset", body).status == 200
    assert sign_in("GRACE.hopper@example.com", body["password"]).get(f"{SDK}/customer").data["id"] == made.pk


def test_an_email_is_no_user_name(customer: Customer) -> None:
    """A user name that looks like a customer's e-mail opens nothing of that customer's, nor the other way round."""
    make_user("ada@example.com", email="staff@example.com")
    assert Api().post(f"{SDK}/auth/login", {"email": "ada@example.com", "password": "ada@example.com"}).status == 401
    assert sign_in("ada@example.com").get(f"{SDK}/customer").data["id"] == customer.pk


def test_a_lock_out_counts_every_spelling(customer: Customer) -> None:
    for email in (*SPELLINGS, SPELLINGS[0]):
        assert Api().post(f"{SDK}/auth/login", {"email": email, "password": "wrong"}).status == 401
    locked = Api().post(f"{SDK}/auth/login", {"email": "aDa@example.com", "password": PASSWORD})
    assert locked.refused == (429, "too_many_requests")
