"""Payment methods: cards only (https://docs.stripe.com/api/payment_methods)."""

import hashlib
import time
from typing import Any

from fake_stripe.calls import Call, endpoint
from fake_stripe.cards import BY_NUMBER, LIVE_CARD, Decline, TestCard, luhn, named
from fake_stripe.errors import ApiError, CardError, Object, declined, malformed, missing, refused
from fake_stripe.events import emit
from fake_stripe.listing import belonging, page
from fake_stripe.parameters import ADDRESS, CURSOR, Kind, choice, hash_of, integer, known, merged, metadata, text, words

OTHER_TYPES = (
    "acss_debit affirm afterpay_clearpay alipay alma amazon_pay au_becs_debit bacs_debit bancontact billie bizum blik "
    "boleto cashapp crypto custom customer_balance eps fpx giropay grabpay ideal interac_present kakao_pay klarna "
    "konbini kr_card link mb_way mobilepay multibanco naver_pay nz_bank_account oxxo p24 pay_by_bank payco paynow "
    "paypal paypay payto pix promptpay revolut_pay samsung_pay satispay scalapay sepa_debit sequra sofort sunbit swish "
    "twint upi us_bank_account wechat_pay zip"
)
TYPES = ("card", *words(OTHER_TYPES))
USED_UP = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a "
    "connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use "
    "a PaymentMethod multiple times, you must attach it to a Customer first."
)
NUMBER_LENGTHS = range(12, 20)
FIRST_MONTH, LAST_MONTH, CENTURY, FARTHEST = 1, 12, 100, 50


def card_type(value: Any, param: str) -> str:
    """Take `card`: the one type of payment method that the sandbox acts out."""
    choice(*TYPES)(value, param)
    if value != "card":
        raise malformed(f"The sandbox does not simulate {param}={value}.", param=param, code="parameter_not_simulated")
    return "card"


NETWORKS = hash_of({"preferred": choice("cartes_bancaires", "mastercard", "visa", clearable=True)})
CARD = {name: text(20) for name in ("number", "exp_month", "exp_year", "cvc")}
BILLING: dict[str, Kind] = {
    "address": hash_of(ADDRESS, clearable=True),
    **{name: text(clearable=True) for name in ("email", "name", "phone", "tax_id")},
}
DATA: dict[str, Kind] = {
    "type": card_type,
    "card": hash_of({**CARD, "token": text(), "networks": NETWORKS}),
    "billing_details": hash_of(BILLING),
    "metadata": metadata,
    "allow_redisplay": choice("always", "limited", "unspecified"),
    "radar_options": hash_of({"session": text()}),
    **known(OTHER_TYPES),
}


@endpoint("POST", "payment_methods", {**DATA, **known("customer payment_method")}, publishable=True)
def create(call: Call) -> Object:
    """Create a payment method of a token, or of a card's number (what the card field sends)."""
    if "type" not in call.params:
        raise malformed("Missing required param: type.", param="type", code="parameter_missing")
    return build(call, call.params, param="card")


def build(call: Call, data: Object, *, param: str) -> Object:
    """Make the payment method that `payment_method_data` or a create call describes."""
    card = data.get("card")
    if not card:
        raise malformed(f"Missing required param: {param}.", param=param, code="parameter_missing")
    if "token" in card:
        method = of_token(call, card["token"], param=f"{param}[token]")
    else:
        found, month, year = check_card(card, param=param)
        method = made(call, found, month=month, year=year, checked="cvc" in card)
    _bill(method, data.get("billing_details", {}))
    method["metadata"] = merged({}, data.get("metadata", {}))
    method["allow_redisplay"] = data.get("allow_redisplay", "unspecified")
    return call.state.save(method)


def _bill(method: Object, given: Object) -> None:
    known_as = method["billing_details"]
    address = {**known_as["address"], **(given.get("address") or {})}
    known_as |= {**given, "address": address}


def check_card(card: Object, *, param: str) -> tuple[TestCard, int, int]:
    """Give the test card of a number, with its expiry; refuse numbers and dates as Stripe's own checks do."""
    for name in ("number", "exp_month", "exp_year"):
        if name not in card:
            named_param = f"{param}[{name}]"
            raise malformed(f"Missing required param: {named_param}.", param=named_param, code="parameter_missing")
    number = card["number"].replace(" ", "").replace("-", "")
    if not (number.isascii() and number.isdigit() and len(number) in NUMBER_LENGTHS and luhn(number)):
        raise declined("Your card number is incorrect.", code="incorrect_number", param="number")
    month, year = _expiry(card)
    found = BY_NUMBER.get(number)
    if found is None:
        raise decline_error(LIVE_CARD)
    _check_cvc(card, found)
    return found, month, year


def _expiry(card: Object) -> tuple[int, int]:
    month = integer()(card["exp_month"], "exp_month")
    year = integer()(card["exp_year"], "exp_year")
    year += 2000 if year < CENTURY else 0
    today = time.gmtime()
    if not FIRST_MONTH <= month <= LAST_MONTH:
        raise declined("Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month")
    if not today.tm_year <= year <= today.tm_year + FARTHEST:
        raise declined("Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year")
    if (year, month) < (today.tm_year, today.tm_mon):
        raise declined("Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month")
    return month, year


def _check_cvc(card: Object, found: TestCard) -> None:
    digits = card.get("cvc")
    lengths = {3, 4} if found.brand == "amex" else {3}
    if digits is not None and not (digits.isdigit() and len(digits) in lengths):
        raise declined("Your card's security code is invalid.", code="invalid_cvc", param="cvc")


def decline_error(decline: Decline, **details: Any) -> CardError:
    """Give the error of a bank's no."""
    details["decline_code"] = decline.reason
    return declined(decline.message, code=decline.code, param=decline.param, **details)


def made(call: Call, card: TestCard, *, month: int = 0, year: int = 0, checked: bool = True) -> Object:
    """Keep a new payment method of a test card."""
    today = time.gmtime()
    method = call.new(
        "pm",
        "payment_method",
        allow_redisplay="unspecified",
        billing_details={"address": dict.fromkeys(ADDRESS), **dict.fromkeys(("email", "name", "phone", "tax_id"))},
        card=face(card, month=month or today.tm_mon, year=year or today.tm_year + 1, checked=checked),
        customer=None,
        customer_account=None,
        metadata={},
        type="card",
        _number=card.number,
    )
    return call.state.insert(method)


def face(card: TestCard, *, month: int, year: int, checked: bool) -> Object:
    """Give what a payment method tells of its card."""
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": card.cvc_check if checked else None,
        },
        "country": card.country,
        "display_brand": "american_express" if card.brand == "amex" else card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": hashlib.sha256(card.number.encode()).hexdigest()[:16],
        "funding": card.funding,
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def of_token(call: Call, identifier: str, *, param: str) -> Object:
    """Make a payment method of a token; a token not made by Stripe for tests is used up by it."""
    card = named(identifier)
    if card and identifier.startswith("tok_"):
        return made(call, card)
    token = call.state.find("token", identifier)
    if token is None:
        raise missing("token", identifier, param=param, named=True)
    if token["used"]:
        message = f"You cannot use a Stripe token more than once: {identifier}."
        raise refused(message, param=param, code="token_already_used")
    call.state.save({**token, "used": True})
    shown = token["card"]
    return made(call, BY_NUMBER[token["_number"]], month=shown["exp_month"], year=shown["exp_year"])


def usable(call: Call, param: str = "") -> Object:
    """Give the payment method that a parameter or the address names: `pm_card_…` makes a new one each time."""
    identifier = call.params[param] if param else call.path["id"]
    card = named(identifier)
    if card and identifier.startswith("pm_"):
        return made(call, card)
    if identifier.startswith("tok_"):
        return of_token(call, identifier, param=param)
    return call.get("payment_method", param)


def test_card(method: Object) -> TestCard:
    """Give what a payment method's card does."""
    return BY_NUMBER[method["_number"]]


def attach(call: Call, method: Object, customer_id: str) -> Object:
    """Save a card to a customer, where its bank lets it be saved."""
    card = test_card(method)
    if method.get("_spent"):
        raise refused(USED_UP)
    if card.decline and not card.keeps:
        raise decline_error(card.decline)
    method["customer"] = customer_id
    call.state.save(method)
    emit(call, "payment_method.attached", method)
    return method


@endpoint("POST", "payment_methods/{id}/attach", {"customer": text(), **known("customer_account")})
def attach_to_customer(call: Call) -> Object:
    """Save a card to a customer."""
    if "customer" not in call.params:
        raise malformed("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = call.get("customer", "customer")
    method = usable(call)
    if method["customer"] not in {None, customer["id"]}:
        raise refused("The payment method you provided has already been attached to a customer.")
    return method if method["customer"] else attach(call, method, customer["id"])


@endpoint("POST", "payment_methods/{id}/detach")
def detach(call: Call) -> Object:
    """Take a card from its customer: it may not be used again."""
    method = call.get("payment_method")
    if method["customer"] is None:
        raise refused("The payment method you provided is not attached to a customer so detachment is impossible.")
    former = method["customer"]
    call.state.save(method | {"customer": None, "_spent": True})
    method["customer"] = None
    emit(call, "payment_method.detached", method, previous={"customer": former})
    return method


@endpoint("GET", "payment_methods/{id}")
def retrieve(call: Call) -> Object:
    """Give a payment method."""
    return usable(call)


_update = {
    "card": hash_of({"exp_month": integer(1, 12), "exp_year": integer(), "networks": NETWORKS}),
    **{name: DATA[name] for name in ("billing_details", "metadata", "allow_redisplay")},
    **known("us_bank_account"),
}


@endpoint("POST", "payment_methods/{id}", _update)
def update(call: Call) -> Object:
    """Change a saved card's expiry, billing details or metadata."""
    method = call.get("payment_method")
    if method["customer"] is None:
        raise _not_saved()
    given = call.params
    method["metadata"] = merged(method["metadata"], given.get("metadata", {}))
    method["card"] |= {key: value for key, value in given.get("card", {}).items() if key != "networks"}
    _bill(method, given.get("billing_details", {}))
    method["allow_redisplay"] = given.get("allow_redisplay", method["allow_redisplay"])
    emit(call, "payment_method.updated", call.state.save(method), previous={})
    return method


def _not_saved() -> ApiError:
    return refused("You must save this PaymentMethod to a customer before you can update it.")


_index = {**CURSOR, "customer": text(), "type": choice(*TYPES), **known("allow_redisplay customer_account")}


@endpoint("GET", "payment_methods", _index)
def index(call: Call) -> Object:
    """List payment methods of a customer."""
    if "customer" in call.params:
        call.get("customer", "customer")
    return page(call, "payment_method", belonging(call, "customer", "type"), url="/v1/payment_methods")
