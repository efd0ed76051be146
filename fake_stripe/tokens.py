"""Tokens of cards (https://docs.stripe.com/api/tokens)."""

from fake_stripe.cards import TestCard, card_by_name
from fake_stripe.endpoints import RequestContext, endpoint
from fake_stripe.errors import JsonObject, invalid_parameter
from fake_stripe.parameters import nested, not_simulated, text
from fake_stripe.payment_methods import CARD, NETWORKS, card_details, check_card
from fake_stripe.store import new_id

ADDRESS_PARTS = tuple(f"address_{part}" for part in ("city", "country", "line1", "line2", "state", "zip"))
BRANDS = {"amex": "American Express", "diners": "Diners Club", "jcb": "JCB", "unionpay": "UnionPay"}
_card = {**CARD, "networks": NETWORKS, **{name: text() for name in (*ADDRESS_PARTS, "name", "currency")}}
_fields = {"card": nested(_card), **not_simulated("account bank_account customer cvc_update person pii")}


@endpoint("POST", "tokens", _fields, publishable=True)
def create(context: RequestContext) -> JsonObject:
    params = context.params.get("card")
    if params is None:
        raise invalid_parameter(
            "You must supply either a card, customer, PII data, bank account, account legal entity, person, or CVC."
        )
    card, month, year = check_card(params, param="card")
    return _create_token(context, card, {**params, "exp_month": month, "exp_year": year})


def _create_token(context: RequestContext, card: TestCard, params: JsonObject) -> JsonObject:
    details = card_details(card, month=params["exp_month"], year=params["exp_year"], checked="cvc" in params)
    token = context.new_object(
        "tok", "token", card=_token_card(card, details, params), client_ip="127.0.0.1", type="card", used=False
    )
    return context.store.insert(token | {"_number": card.number})


def _token_card(card: TestCard, details: JsonObject, params: JsonObject) -> JsonObject:
    copied = ("country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "regulated_status")
    return {
        "id": new_id("card"),
        "object": "card",
        "brand": BRANDS.get(card.brand, card.brand.capitalize()),
        **{name: details[name] for name in copied},
        **{name: params.get(name) for name in (*ADDRESS_PARTS, "name")},
        "address_line1_check": None,
        "address_zip_check": None,
        "cvc_check": "unchecked" if "cvc" in params else None,
        "dynamic_last4": None,
        "metadata": {},
        "networks": {"preferred": None},
        "tokenization_method": None,
    }


@endpoint("GET", "tokens/{id}")
def retrieve(context: RequestContext) -> JsonObject:
    identifier = context.path["id"]
    card = card_by_name(identifier, "tok_")
    if card:
        return _create_token(context, card, {"exp_month": 12, "exp_year": 2034}) | {"id": identifier}
    return context.get("token")
