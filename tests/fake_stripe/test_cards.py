from typing import Any

import pytest
import stripe

from tests.fake_stripe.calls import CARD_ONLY, error_object, pay
from tests.support.fake_stripe_process import FakeStripe

DECLINES = [
    ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
    ("pm_card_radarBlock", "card_declined", "fraudulent"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ("pm_card_chargeCustomerFail", "card_declined", "generic_decline"),
    ("tok_chargeDeclined", "card_declined", "generic_decline"),
    ("tok_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
]
NUMBERS = [
    ("4000000000000002", "generic_decline"),
    ("4000000000009995", "insufficient_funds"),
    ("4000000000009987", "lost_card"),
    ("4000000000009979", "stolen_card"),
    ("4000000000000069", "expired_card"),
    ("4000000000000127", "incorrect_cvc"),
    ("4000000000000119", "processing_error"),
]


def declined(client: stripe.StripeClient, card: str, **given: Any) -> stripe.ErrorObject:
    with pytest.raises(stripe.CardError) as decline:
        pay(client, card, **given)
    assert decline.value.http_status == 402
    return error_object(decline.value)


def typed(client: stripe.StripeClient, number: str, **given: str) -> stripe.PaymentMethod:
    card: Any = {"number": number, "exp_month": "12", "exp_year": "2034", "cvc": "123", **given}
    return client.v1.payment_methods.create({"type": "card", "card": card})


@pytest.mark.parametrize("brand", ["visa", "mastercard", "amex", "discover", "diners", "jcb", "unionpay"])
def test_cards_of_each_brand_pay(client: stripe.StripeClient, brand: str) -> None:
    assert pay(client, f"pm_card_{brand}").status == "succeeded"
    paid = pay(client, f"tok_{brand}", expand=["payment_method"])
    assert isinstance(paid.payment_method, stripe.PaymentMethod)
    assert paid.payment_method.card is not None
    assert paid.payment_method.card.brand == brand


@pytest.mark.parametrize(("card", "code", "reason"), DECLINES)
def test_a_declining_card_declines_as_documented(
    client: stripe.StripeClient, card: str, code: str, reason: str
) -> None:
    error = declined(client, card)
    assert (error.type, error.code, error.decline_code) == ("card_error", code, reason)
    intent = error.payment_intent
    assert intent is not None
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error is not None
    assert (intent.last_payment_error.code, intent.last_payment_error.decline_code) == (code, reason)
    kept = client.v1.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert isinstance(kept.latest_charge, stripe.Charge)
    assert (kept.latest_charge.status, kept.latest_charge.paid, kept.latest_charge.failure_code) == (
        "failed",
        False,
        code,
    )
    assert client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status == "succeeded"


@pytest.mark.parametrize(("number", "reason"), NUMBERS)
def test_a_declining_number_declines(client: stripe.StripeClient, number: str, reason: str) -> None:
    assert declined(client, typed(client, number).id).decline_code == reason


@pytest.mark.parametrize(
    ("number", "given", "code"),
    [
        ("4242424242424241", {}, "incorrect_number"),
        ("4242", {}, "incorrect_number"),
        ("4242424242424242", {"exp_month": "13"}, "invalid_expiry_month"),
        ("4242424242424242", {"exp_year": "2020"}, "invalid_expiry_year"),
        ("4242424242424242", {"exp_year": "2099"}, "invalid_expiry_year"),
        ("4242424242424242", {"cvc": "12"}, "invalid_cvc"),
        ("4111111111111111", {}, "card_declined"),
    ],
)
def test_a_card_that_can_t_be_is_refused_before_it_pays(
    client: stripe.StripeClient, number: str, given: dict[str, str], code: str
) -> None:
    with pytest.raises(stripe.CardError) as decline:
        typed(client, number, **given)
    assert decline.value.code == code


def test_payment_method_data_takes_a_token(client: stripe.StripeClient) -> None:
    data: Any = {"type": "card", "card": {"token": "tok_mastercard"}, "billing_details": {"name": "Ada"}}
    asked: Any = {"amount": 1000, "currency": "eur", "payment_method_data": data, "confirm": True}
    asked |= {"allowed_payment_method_types": CARD_ONLY, "expand": ["latest_charge"]}
    paid = client.v1.payment_intents.create(asked)
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert (paid.status, paid.amount_received) == ("succeeded", 1000)
    assert paid.latest_charge.billing_details.name == "Ada"


def test_a_card_that_belongs_to_nobody_pays_once(client: stripe.StripeClient) -> None:
    method = client.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    pay(client, method.id)
    with pytest.raises(stripe.InvalidRequestError, match="It may not be used again"):
        pay(client, method.id)
    customer = client.v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError, match="It may not be used again"):
        client.v1.payment_methods.attach(method.id, {"customer": customer.id})


def test_a_card_is_saved_by_a_payment_that_says_so(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    paid = pay(client, customer=customer.id, setup_future_usage="off_session")
    saved = client.v1.customers.payment_methods.list(customer.id)
    assert [method.id for method in saved.data] == [paid.payment_method]
    assert pay(client, saved.data[0].id, customer=customer.id, off_session=True).status == "succeeded"


def test_a_saved_card_pays_for_its_customer_only(client: stripe.StripeClient) -> None:
    ada, bob = client.v1.customers.create({}), client.v1.customers.create({})
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": ada.id})
    for given in ({}, {"customer": bob.id}):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            pay(client, method.id, **given)
        assert refusal.value.param == "payment_method"
    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        client.v1.payment_methods.attach(method.id, {"customer": bob.id})


def test_a_declining_card_is_not_saved_but_that_one_which_fails_later(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    with pytest.raises(stripe.CardError):
        client.v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer.id})
    method = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    assert declined(client, method.id, customer=customer.id).decline_code == "generic_decline"


def test_a_disputed_card_pays_and_is_disputed(client: stripe.StripeClient) -> None:
    paid = pay(client, "pm_card_createDispute", expand=["latest_charge"])
    charge = client.v1.charges.list({"payment_intent": paid.id}).data[0]
    assert (paid.status, charge.disputed) == ("succeeded", True)
    assert client.v1.disputes.list({"charge": charge.id}).data[0].reason == "fraudulent"


def test_money_can_be_held_and_captured_in_part(client: stripe.StripeClient) -> None:
    held = pay(client, capture_method="manual")
    assert (held.status, held.amount_capturable, held.amount_received) == ("requires_capture", 1000, 0)
    taken = client.v1.payment_intents.capture(held.id, {"amount_to_capture": 600})
    assert (taken.status, taken.amount_received) == ("succeeded", 600)
    back = client.v1.refunds.create({"payment_intent": held.id})
    assert back.amount == 600


def test_an_intent_goes_its_way_step_by_step(client: stripe.StripeClient) -> None:
    allowed: Any = CARD_ONLY
    intent = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "allowed_payment_method_types": allowed}
    )
    assert (intent.status, list(intent.payment_method_types)) == ("requires_payment_method", ["card"])
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.confirm(intent.id)
    assert refusal.value.code == "payment_intent_unexpected_state"
    changed = client.v1.payment_intents.update(intent.id, {"amount": 1200, "payment_method": "pm_card_visa"})
    assert (changed.status, changed.amount) == ("requires_confirmation", 1200)
    with pytest.raises(stripe.InvalidRequestError, match="No valid payment method types"):
        client.v1.payment_intents.update(intent.id, {"allowed_payment_method_types": ["paypal"]})
    assert client.v1.payment_intents.confirm(intent.id).amount_received == 1200
    finished: list[Any] = [
        lambda: client.v1.payment_intents.confirm(intent.id),
        lambda: client.v1.payment_intents.cancel(intent.id),
        lambda: client.v1.payment_intents.update(intent.id, {"amount": 5000}),
    ]
    for act in finished:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            act()
        error = error_object(refusal.value)
        assert error.payment_intent is not None
        assert (error.code, error.payment_intent.status) == ("payment_intent_unexpected_state", "succeeded")


def test_a_canceled_intent_can_not_succeed(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    gone = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})
    assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})


def test_intents_list_by_customer_and_time(own_server: FakeStripe) -> None:
    client = own_server.client()
    ada, bob = client.v1.customers.create({}), client.v1.customers.create({})
    first = pay(client, customer=ada.id)
    own_server.post("clock", {"advance": 100})
    second = pay(client, customer=ada.id)
    pay(client, customer=bob.id)
    assert [one.id for one in client.v1.payment_intents.list({"customer": ada.id}).data] == [second.id, first.id]
    since = client.v1.payment_intents.list({"customer": ada.id, "created": {"gt": first.created}})
    assert [one.id for one in since.data] == [second.id]
    until = client.v1.payment_intents.list({"created": {"lte": first.created}})
    assert [one.id for one in until.data] == [first.id]
    assert [one.id for one in client.v1.payment_intents.list({"created": first.created}).data] == [first.id]
