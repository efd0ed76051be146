from typing import Any

import pytest
import stripe

from tests.fake_stripe.calls import metadata_dict


def test_a_customer_is_made_changed_and_found(client: stripe.StripeClient) -> None:
    made = client.v1.customers.create(
        {
            "email": "ada@found.example",
            "name": "Ada Lovelace",
            "phone": "+44 20 7946 0000",
            "address": {"line1": "12 St James's Square", "city": "London", "country": "GB"},
            "metadata": {"customer": "7"},
        }
    )
    changed = client.v1.customers.update(made.id, {"name": "Ada King", "phone": "", "metadata": {"since": "1835"}})
    assert (changed.name, changed.phone, changed.email) == ("Ada King", None, "ada@found.example")
    assert metadata_dict(changed.metadata) == {"customer": "7", "since": "1835"}
    assert changed.address is not None
    assert (changed.address.city, changed.address.line2) == ("London", None)
    assert [one.id for one in client.v1.customers.list({"email": "ada@found.example"}).data] == [made.id]
    assert client.v1.customers.list({"email": "ADA@found.example"}).data == []


def test_a_deleted_customer_is_gone(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"email": "gone@example.com", "payment_method": "pm_card_visa"})
    method = client.v1.customers.payment_methods.list(customer.id).data[0]
    client.v1.customers.delete(customer.id)
    assert client.v1.customers.retrieve(customer.id).deleted is True
    assert client.v1.customers.list({"email": "gone@example.com"}).data == []
    assert client.v1.payment_methods.retrieve(method.id).customer is None
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.create({"amount": 1000, "currency": "usd", "customer": customer.id})
    assert refusal.value.code == "resource_missing"


def test_a_customer_s_default_card_must_be_theirs(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    settings: Any = {"invoice_settings": {"default_payment_method": method.id}}
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.update(customer.id, settings)
    client.v1.payment_methods.attach(method.id, {"customer": customer.id})
    changed = client.v1.customers.update(customer.id, settings)
    assert changed.invoice_settings is not None
    assert changed.invoice_settings.default_payment_method == method.id


def test_cards_are_attached_listed_changed_and_detached(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    first = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    second = client.v1.payment_methods.attach("pm_card_amex", {"customer": customer.id})
    listed = client.v1.payment_methods.list({"customer": customer.id, "type": "card"})
    assert [one.id for one in listed.data] == [second.id, first.id]
    changed = client.v1.payment_methods.update(first.id, {"card": {"exp_month": 3, "exp_year": 2035}})
    assert changed.card is not None
    assert (changed.card.exp_month, changed.card.exp_year, changed.card.last4) == (3, 2035, "4242")
    assert client.v1.payment_methods.detach(first.id).customer is None
    assert len(client.v1.customers.payment_methods.list(customer.id).data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="not attached"):
        client.v1.payment_methods.detach(first.id)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(first.id, {"customer": customer.id})


def test_the_same_number_has_the_same_fingerprint(client: stripe.StripeClient) -> None:
    card: Any = {"number": "4242424242424242", "exp_month": "1", "exp_year": "2031"}
    typed = client.v1.payment_methods.create({"type": "card", "card": card})
    named = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    assert typed.card is not None
    assert named.card is not None
    assert typed.card.fingerprint == named.card.fingerprint


def test_a_token_tells_of_its_card_and_is_used_once(client: stripe.StripeClient) -> None:
    card: Any = {"number": "5555555555554444", "exp_month": "1", "exp_year": "31", "cvc": "123", "name": "Ada"}
    token = client.v1.tokens.create({"card": card})
    assert token.card is not None
    assert (token.type, token.used, token.card.brand, token.card.exp_year) == ("card", False, "Mastercard", 2031)
    client.v1.payment_methods.create({"type": "card", "card": {"token": token.id}})
    assert client.v1.tokens.retrieve(token.id).used is True
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_methods.create({"type": "card", "card": {"token": token.id}})
    assert refusal.value.code == "token_already_used"


def test_only_cards_are_acted_out(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="does not simulate"):
        client.v1.payment_methods.create({"type": "paypal"})
    with pytest.raises(stripe.InvalidRequestError, match="must be one of"):
        client.v1.payment_methods.create({"type": "shells"})


def test_pages_hold_what_is_asked_for_at_most_a_hundred(client: stripe.StripeClient) -> None:
    for limit in (0, 101):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            client.v1.customers.list({"limit": limit})
        assert refusal.value.param == "limit"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.list({"starting_after": "cus_x"})
    assert (refusal.value.code, refusal.value.param) == ("resource_missing", "starting_after")


def test_a_list_goes_on_where_it_stopped(client: stripe.StripeClient) -> None:
    email = "many@example.com"
    made = [client.v1.customers.create({"email": email}).id for _ in range(7)]
    found = [one.id for one in client.v1.customers.list({"email": email, "limit": 3}).auto_paging_iter()]
    assert found == made[::-1]
