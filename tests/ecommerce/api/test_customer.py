from typing import Any

import pytest

from billing import gateway
from billing.models import Card, StripeRemoval
from billing.removals import execute_removal
from customers.models import Address, Customer
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Sku
from tests.support.api_client import SDK, Api, basket, paying

ME = f"{SDK}/customer"
HOME = {
    "type": "shipping",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "line1": "12 St James's Square",
    "city": "London",
    "state": None,
    "country": "gb",
    "postal_code": "SW1Y 4JH",
}


@pytest.mark.django_db
def test_a_customer_reads_and_changes_oneself(ada: Api, customer: Customer) -> None:
    me = ada.get(ME).data
    assert (me["id"], me["email"], me["email_verified"]) == (customer.pk, "ada@example.com", True)
    assert (me["addresses"], me["sources"]) == ([], [])
    changed = ada.ask("PATCH", ME, {"phone": "+44 20 7946 0958", "email": "eve@example.com", "id": 1})
    assert (changed.data["phone"], changed.data["email"], changed.data["first_name"]) == (
        "+44 20 7946 0958",
        "ada@example.com",
        "Ada",
    )


@pytest.mark.django_db
def test_addresses_are_saved_and_the_default_is_one(ada: Api) -> None:
    first = ada.post(f"{ME}/addresses", HOME | {"is_default": True})
    second = ada.post(f"{ME}/addresses", HOME | {"line1": "1 High St", "is_default": True})

    assert first.status == second.status == 200
    kept = second.data["addresses"]
    assert [(each["line1"], each["is_default"]) for each in kept] == [
        ("1 High St", True),
        ("12 St James's Square", False),
    ]
    assert (kept[0]["name"], kept[0]["country"], kept[0]["state"]) == ("Ada Lovelace", "GB", "")


@pytest.mark.django_db
def test_an_address_names_company_and_instructions_and_no_city_where_there_is_none(ada: Api) -> None:
    there = {"country": "SG", "city": None, "postal_code": "546080", "company": "ACME", "department": "Goods in"}
    saved = ada.post(f"{ME}/addresses", HOME | there | {"delivery_instructions": "Ring twice"})
    (address,) = saved.data["addresses"]
    assert (address["city"], address["company"], address["department"]) == ("", "ACME", "Goods in")
    assert address["delivery_instructions"] == "Ring twice"
    assert address["lines"][-2:] == ["SINGAPORE 546080", "Singapore"]
    assert {"ACME", "Goods in"} < set(address["lines"])
    assert ada.post(f"{ME}/addresses", HOME | there | {"country": "GB"}).error["field"] == "city"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"country": "XX"}, "country"),
        ({"country": "United Kingdom"}, "country"),
        ({"line1": "  "}, "line1"),
        ({"city": None}, "city"),
        ({"line1": "x" * 201}, "line1"),
        ({"type": "other"}, "type"),
        ({"postal_code": 1}, "postal_code"),
    ],
)
def test_half_an_address_is_refused(ada: Api, changed: dict[str, Any], field: str) -> None:
    answer = ada.post(f"{ME}/addresses", HOME | changed)
    assert (answer.refused, answer.error["field"]) == ((400, "malformed"), field)
    assert Address.objects.count() == 0


@pytest.mark.django_db
def test_a_card_is_saved_chosen_charged_and_forgotten(ada: Api, mug: Sku, customer: Customer) -> None:
    first = ada.post(f"{ME}/sources", {"token": "tok_visa"})
    second = ada.post(f"{ME}/sources", {"gateway_token": "pm_card_mastercard", "is_default": True})

    assert first.status == second.status == 200
    assert [(card["brand"], card["is_default"]) for card in second.data["sources"]] == [
        ("mastercard", True),
        ("visa", False),
    ]
    visa = first.data["sources"][0]["id"]
    chosen = ada.post(f"{ME}/sources/{visa}/default")
    assert [card["id"] for card in chosen.data["sources"] if card["is_default"]] == [visa]
    assert ada.order({**basket(mug), "source_id": visa}).order["source"]["last4"] == "4242"

    rest = ada.ask("DELETE", f"{ME}/sources/{visa}")
    assert [card["brand"] for card in rest.data["sources"]] == ["mastercard"]
    assert ada.order({**basket(mug), "source_id": visa}).refused == (404, "unknown_source")
    assert ada.ask("DELETE", f"{ME}/sources/{visa}").refused == (404, "unknown_source")
    assert ada.post(f"{ME}/sources/{visa}/default").refused == (404, "unknown_source")
    last = rest.data["sources"][0]["id"]
    assert ada.ask("DELETE", f"{ME}/sources?source_id={last}").data["sources"] == []
    removed = Card.objects.get(pk=visa)
    assert (removed.removed_at is not None, removed.is_default) == (True, False)


@pytest.mark.django_db
def test_a_card_of_an_order_is_kept_unless_told_otherwise(ada: Api, mug: Sku) -> None:
    ada.order({**paying(mug), "save_card": False})
    assert ada.get(ME).data["sources"] == []
    ada.order(paying(mug))
    assert len(ada.get(ME).data["sources"]) == 1


@pytest.mark.django_db
def test_a_card_typed_again_keeps_its_id_and_is_forgotten_wholly(ada: Api, mug: Sku) -> None:
    (card,) = ada.post(f"{ME}/sources", {"token": "tok_visa"}).data["sources"]
    ada.order(paying(mug))
    assert [each["id"] for each in ada.get(ME).data["sources"]] == [card["id"]]
    paid = ada.order({**basket(mug), "payment_gateway": "stripe", "source_id": card["id"]})
    assert paid.order["payment_status"] == "paid"

    assert ada.ask("DELETE", f"{ME}/sources/{card['id']}").data["sources"] == []
    for removal in StripeRemoval.objects.all():
        execute_removal(removal_id=removal.pk)
    assert set(Card.objects.values_list("fingerprint", flat=True)) == {""}
    owner = Customer.objects.get().stripe_customer_id
    assert owner
    assert gateway.client().v1.customers.payment_methods.list(owner).data == []


@pytest.mark.django_db
def test_a_card_that_cannot_be_saved_is_refused_with_the_banks_words(ada: Api) -> None:
    assert ada.post(f"{ME}/sources", {"token": "tok_chargeDeclined"}).refused == (402, "card_declined")
    assert ada.post(f"{ME}/sources", {"token": "pm_unknown"}).refused == (422, "invalid_token")
    assert ada.post(f"{ME}/sources", {}).refused == (422, "card_required")
    assert Card.objects.count() == 0


@pytest.mark.django_db
def test_with_stripe_gone_no_card_is_saved(ada: Api, fake_stripe: FakeStripeServer) -> None:
    kept = ada.post(f"{ME}/sources", {"token": "tok_visa"}).data["sources"][0]["id"]
    fake_stripe.faults({"match": "POST /v1/payment_methods", "fault": "status", "status": 503})

    assert ada.post(f"{ME}/sources", {"token": "pm_card_visa"}).refused == (503, "payments_unavailable")
    assert [card["id"] for card in ada.get(ME).data["sources"]] == [kept]


@pytest.mark.django_db
def test_another_customers_card_cannot_be_saved(ada: Api, eve: Api) -> None:
    ada.post(f"{ME}/sources", {"token": "tok_visa"})
    card = Card.objects.get()
    assert eve.post(f"{ME}/sources", {"token": card.stripe_payment_method_id}).refused == (422, "invalid_token")
    card.refresh_from_db()
    assert card.customer.email == "ada@example.com"
