"""Payment methods, cards only (https://docs.stripe.com/api/payment_methods)."""

import hashlib
import time
from typing import Any

from fake_stripe.cards import BY_NUMBER, LIVE_CARD, Decline, TestCard, card_by_name, passes_luhn
from fake_stripe.endpoints import RequestContext, endpoint
from fake_stripe.errors import (
    CardError,
    JsonObject,
    card_declined,
    invalid_parameter,
    invalid_request,
    missing_parameter,
    resource_missing,
)
from fake_stripe.events import emit
from fake_stripe.pagination import filters, list_page
from fake_stripe.parameters import (
    ADDRESS,
    CURSOR,
    Parser,
    choice,
    integer,
    merge_metadata,
    metadata,
    nested,
    not_simulated,
    text,
    words,
)

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
    choice(*TYPES)(value, param)
    if value != "card":
        raise invalid_parameter(
            f"The fake Stripe does not simulate {param}={value}.", param=param, code="parameter_not_simulated"
        )
    return "card"


NETWORKS = nested({"preferred": choice("cartes_bancaires", "mastercard", "visa", clearable=True)})
CARD = {name: text(20) for name in ("number", "exp_month", "exp_year", "cvc")}
BILLING: dict[str, Parser] = {
    "address": nested(ADDRESS, clearable=True),
    **{name: text(clearable=True) for name in ("email", "name", "phone", "tax_id")},
}
DATA: dict[str, Parser] = {
    "type": card_type,
    "card": nested({**CARD, "token": text(), "networks": NETWORKS}),
    "billing_details": nested(BILLING),
    "metadata": metadata,
    "allow_redisplay": choice("always", "limited", "unspecified"),
    "radar_options": nested({"session": text()}),
    **not_simulated(OTHER_TYPES),
}


_create = {**DATA, **not_simulated("customer payment_method")}


@endpoint("POST", "payment_methods", _create, required=("type",), publishable=True)
def create(context: RequestContext) -> JsonObject:
    return payment_method_from_data(context, context.params, param="card")


def payment_method_from_data(context: RequestContext, data: JsonObject, *, param: str) -> JsonObject:
    """Create one from a card's number or token; `param` is where errors say the card is."""
    card = data.get("card")
    if not card:
        raise missing_parameter(param)
    if "token" in card:
        method = payment_method_from_token(context, card["token"], param=f"{param}[token]")
    else:
        test_card, month, year = check_card(card, param=param)
        method = create_payment_method(context, test_card, month=month, year=year, checked="cvc" in card)
    _update_billing_details(method, data.get("billing_details", {}))
    method["metadata"] = merge_metadata({}, data.get("metadata", {}))
    method["allow_redisplay"] = data.get("allow_redisplay", "unspecified")
    return context.store.save(method)


def _update_billing_details(method: JsonObject, changes: JsonObject) -> None:
    details = method["billing_details"]
    details |= {**changes, "address": {**details["address"], **(changes.get("address") or {})}}


def check_card(card: JsonObject, *, param: str) -> tuple[TestCard, int, int]:
    """The test card with this number, the month and the year of its expiry."""
    for name in ("number", "exp_month", "exp_year"):
        if name not in card:
            raise missing_parameter(f"{param}[{name}]")
    number = card["number"].replace(" ", "").replace("-", "")
    if not (number.isascii() and number.isdigit() and len(number) in NUMBER_LENGTHS and passes_luhn(number)):
        raise card_declined("Your card number is incorrect.", code="incorrect_number", param="number")
    month, year = _expiry(card)
    found = BY_NUMBER.get(number)
    if found is None:
        raise decline_error(LIVE_CARD)
    _check_cvc(card, found)
    return found, month, year


def _expiry(card: JsonObject) -> tuple[int, int]:
    month = integer()(card["exp_month"], "exp_month")
    year = integer()(card["exp_year"], "exp_year")
    year += 2000 if year < CENTURY else 0
    today = time.gmtime()
    if not FIRST_MONTH <= month <= LAST_MONTH:
        raise card_declined("Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month")
    if not today.tm_year <= year <= today.tm_year + FARTHEST:
        raise card_declined("Your card's expiration year is invalid.", code="invalid_expiry_year", param="exp_year")
    if (year, month) < (today.tm_year, today.tm_mon):
        raise card_declined("Your card's expiration month is invalid.", code="invalid_expiry_month", param="exp_month")
    return month, year


def _check_cvc(card: JsonObject, found: TestCard) -> None:
    digits = card.get("cvc")
    lengths = {3, 4} if found.brand == "amex" else {3}
    if digits is not None and not (digits.isdigit() and len(digits) in lengths):
        raise card_declined("Your card's security code is invalid.", code="invalid_cvc", param="cvc")


def decline_error(decline: Decline, **details: Any) -> CardError:
    details["decline_code"] = decline.decline_code
    return card_declined(decline.message, code=decline.code, param=decline.param, **details)


def create_payment_method(
    context: RequestContext, card: TestCard, *, month: int = 0, year: int = 0, checked: bool = True
) -> JsonObject:
    today = time.gmtime()
    method = context.new_object(
        "pm",
        "payment_method",
        allow_redisplay="unspecified",
        billing_details={"address": dict.fromkeys(ADDRESS), **dict.fromkeys(("email", "name", "phone", "tax_id"))},
        card=card_details(card, month=month or today.tm_mon, year=year or today.tm_year + 1, checked=checked),
        customer=None,
        customer_account=None,
        metadata={},
        type="card",
        _number=card.number,
    )
    return context.store.insert(method)


def card_details(card: TestCard, *, month: int, year: int, checked: bool) -> JsonObject:
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


def payment_method_from_token(context: RequestContext, identifier: str, *, param: str) -> JsonObject:
    """`tok_visa` works any number of times, other tokens once."""
    card = card_by_name(identifier, "tok_")
    if card:
        return create_payment_method(context, card)
    token = context.store.find("token", identifier)
    if token is None:
        raise resource_missing("token", identifier, param=param, in_parameter=True)
    if token["used"]:
        message = f"You cannot use a Stripe token more than once: {identifier}."
        raise invalid_request(message, param=param, code="token_already_used")
    context.store.save({**token, "used": True})
    month, year = token["card"]["exp_month"], token["card"]["exp_year"]
    return create_payment_method(context, BY_NUMBER[token["_number"]], month=month, year=year)


def find_payment_method(context: RequestContext, param: str = "") -> JsonObject:
    """The one that a parameter or the URL names; `pm_card_…` and tokens create a new one."""
    identifier = context.params[param] if param else context.path["id"]
    card = card_by_name(identifier, "pm_card_")
    if card:
        return create_payment_method(context, card)
    if identifier.startswith("tok_"):
        return payment_method_from_token(context, identifier, param=param)
    return context.get("payment_method", param)


def test_card(method: JsonObject) -> TestCard:
    return BY_NUMBER[method["_number"]]


def attach(context: RequestContext, method: JsonObject, customer_id: str) -> JsonObject:
    card = test_card(method)
    if method.get("_spent"):
        raise invalid_request(USED_UP)
    if card.decline and not card.can_be_saved:
        raise decline_error(card.decline)
    method["customer"] = customer_id
    context.store.save(method)
    emit(context, "payment_method.attached", method)
    return method


_attach = {"customer": text(), **not_simulated("customer_account")}


@endpoint("POST", "payment_methods/{id}/attach", _attach, required=("customer",))
def attach_to_customer(context: RequestContext) -> JsonObject:
    customer = context.get("customer", "customer")
    method = find_payment_method(context)
    if method["customer"] not in {None, customer["id"]}:
        raise invalid_request("The payment method you provided has already been attached to a customer.")
    return method if method["customer"] else attach(context, method, customer["id"])


@endpoint("POST", "payment_methods/{id}/detach")
def detach(context: RequestContext) -> JsonObject:
    method = context.get("payment_method")
    if method["customer"] is None:
        raise invalid_request(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    former = method["customer"]
    context.store.save(method | {"customer": None, "_spent": True})
    method["customer"] = None
    emit(context, "payment_method.detached", method, previous={"customer": former})
    return method


@endpoint("GET", "payment_methods/{id}")
def retrieve(context: RequestContext) -> JsonObject:
    return find_payment_method(context)


_update = {
    "card": nested({"exp_month": integer(1, 12), "exp_year": integer(), "networks": NETWORKS}),
    **{name: DATA[name] for name in ("billing_details", "metadata", "allow_redisplay")},
    **not_simulated("us_bank_account"),
}


@endpoint("POST", "payment_methods/{id}", _update)
def update(context: RequestContext) -> JsonObject:
    method = context.get("payment_method")
    if method["customer"] is None:
        raise invalid_request("You must save this PaymentMethod to a customer before you can update it.")
    params = context.params
    context.update_metadata(method)
    method["card"] |= {key: value for key, value in params.get("card", {}).items() if key != "networks"}
    _update_billing_details(method, params.get("billing_details", {}))
    method |= context.sent("allow_redisplay")
    emit(context, "payment_method.updated", context.store.save(method), previous={})
    return method


_index = {**CURSOR, "customer": text(), "type": choice(*TYPES), **not_simulated("allow_redisplay customer_account")}


@endpoint("GET", "payment_methods", _index)
def index(context: RequestContext) -> JsonObject:
    context.customer_id()  # refuses one that does not exist
    return list_page(context, "payment_method", filters(context, "customer", "type"), url="/v1/payment_methods")
