"""Tokens of cards (https://docs.stripe.com/api/tokens)."""

from fake_stripe.calls import Call, endpoint
from fake_stripe.cards import TestCard, named
from fake_stripe.errors import Object, malformed
from fake_stripe.parameters import hash_of, known, text
from fake_stripe.payment_methods import CARD, NETWORKS, check_card, face
from fake_stripe.state import new_id

ADDRESS_PARTS = tuple(f"address_{part}" for part in ("city", "country", "line1", "line2", "state", "zip"))
BRANDS = {"amex": "American Express", "diners": "Diners Club", "jcb": "JCB", "unionpay": "UnionPay"}
_card = {**CARD, "networks": NETWORKS, **{name: text() for name in (*ADDRESS_PARTS, "name", "currency")}}
_fields = {"card": hash_of(_card), **known("account bank_account customer cvc_update person pii")}


@endpoint("POST", "tokens", _fields, publishable=True)
def create(call: Call) -> Object:
    """Turn a card's number into a token that can be used once."""
    given = call.params.get("card")
    if given is None:
        raise malformed(
            "You must supply either a card, customer, PII data, bank account, account legal entity, person, or CVC."
        )
    card, month, year = check_card(given, param="card")
    return keep(call, card, {**given, "exp_month": month, "exp_year": year})


def keep(call: Call, card: TestCard, given: Object) -> Object:
    """Keep a new token."""
    shown = face(card, month=given["exp_month"], year=given["exp_year"], checked="cvc" in given)
    token = call.new("tok", "token", card=_shown(card, shown, given), client_ip="127.0.0.1", type="card", used=False)
    return call.state.insert(token | {"_number": card.number})


def _shown(card: TestCard, shown: Object, given: Object) -> Object:
    kept = ("country", "exp_month", "exp_year", "fingerprint", "funding", "last4", "regulated_status")
    return {
        "id": new_id("card"),
        "object": "card",
        "brand": BRANDS.get(card.brand, card.brand.capitalize()),
        **{name: shown[name] for name in kept},
        **{name: given.get(name) for name in (*ADDRESS_PARTS, "name")},
        "address_line1_check": None,
        "address_zip_check": None,
        "cvc_check": "unchecked" if "cvc" in given else None,
        "dynamic_last4": None,
        "metadata": {},
        "networks": {"preferred": None},
        "tokenization_method": None,
    }


@endpoint("GET", "tokens/{id}")
def retrieve(call: Call) -> Object:
    """Give a token."""
    card = named(call.path["id"])
    if card and call.path["id"].startswith("tok_"):
        return keep(call, card, {"exp_month": 12, "exp_year": 2034}) | {"id": call.path["id"]}
    return call.get("token")
