from typing import Any

import pytest
import stripe

from tests.fake_stripe.calls import CARD_ONLY, error_object, pay
from tests.support.fake_stripe_process import PUBLISHABLE_KEY, FakeStripe

ALWAYS = "pm_card_authenticationRequired"
ON_SETUP = "pm_card_authenticationRequiredOnSetup"


def authenticate(fake: FakeStripe, identifier: str, outcome: str) -> dict[str, Any]:
    return fake.post(f"3ds/{identifier}", {"outcome": outcome})


@pytest.mark.parametrize(
    "card", [ALWAYS, ON_SETUP, "pm_card_threeDSecure2Required", "pm_card_authenticationRequiredSetupForOffSession"]
)
def test_the_customer_is_asked_and_the_money_comes_after(
    server: FakeStripe, client: stripe.StripeClient, card: str
) -> None:
    intent = pay(client, card)
    assert (intent.status, intent.latest_charge) == ("requires_action", None)
    assert intent.client_secret is not None
    assert intent.next_action is not None
    assert intent.next_action.type == "use_stripe_sdk"
    assert authenticate(server, intent.id, "complete")["status"] == "succeeded"
    assert client.v1.payment_intents.retrieve(intent.id).amount_received == 1000


def test_with_a_return_url_the_customer_is_sent_to_a_page(server: FakeStripe, client: stripe.StripeClient) -> None:
    intent = pay(client, ALWAYS, return_url="https://example.com/back")
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    assert str(intent.next_action.redirect_to_url.url).startswith(f"{server.url}/_sandbox/3ds/{intent.id}")
    assert intent.next_action.redirect_to_url.return_url == "https://example.com/back"


def test_a_failed_authentication_leaves_the_intent_for_another_card(
    server: FakeStripe, client: stripe.StripeClient
) -> None:
    intent = pay(client, ALWAYS)
    failed = authenticate(server, intent.id, "fail")
    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    assert client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status == "succeeded"


def test_authenticated_and_then_declined(server: FakeStripe, client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
    assert intent.status == "requires_action"
    after = authenticate(server, intent.id, "complete")
    assert (after["status"], after["last_payment_error"]["decline_code"]) == (
        "requires_payment_method",
        "insufficient_funds",
    )


@pytest.mark.parametrize("card", [ALWAYS, ON_SETUP, "pm_card_threeDSecure2Required"])
def test_nobody_there_to_be_asked_is_a_decline(client: stripe.StripeClient, card: str) -> None:
    with pytest.raises(stripe.CardError) as decline:
        pay(client, card, off_session=True)
    error = error_object(decline.value)
    assert (error.code, error.decline_code) == ("authentication_required", "authentication_required")
    assert error.payment_intent is not None
    assert error.payment_intent.status == "requires_payment_method"


def test_a_merchant_may_ask_where_the_bank_does_not(client: stripe.StripeClient) -> None:
    assert pay(client, "pm_card_threeDSecureOptional").status == "succeeded"
    options = {"card": {"request_three_d_secure": "any"}}
    assert pay(client, "pm_card_threeDSecureOptional", payment_method_options=options).status == "requires_action"


def test_a_caller_who_can_t_ask_may_say_so(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.CardError) as decline:
        pay(client, ALWAYS, error_on_requires_action=True)
    assert error_object(decline.value).decline_code == "authentication_not_handled"


def test_a_card_set_up_for_later_is_not_asked_again(server: FakeStripe, client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    asked: Any = {"customer": customer.id, "payment_method": ON_SETUP, "allowed_payment_method_types": CARD_ONLY}
    asked["confirm"] = True
    intent = client.v1.setup_intents.create(asked)
    assert intent.status == "requires_action"
    saved = authenticate(server, intent.id, "complete")
    assert saved["status"] == "succeeded"
    assert pay(client, saved["payment_method"], customer=customer.id, off_session=True).status == "succeeded"
    assert pay(client, saved["payment_method"], customer=customer.id).status == "requires_action"


def test_a_card_that_is_only_attached_was_not_set_up(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    method = client.v1.payment_methods.attach(ON_SETUP, {"customer": customer.id})
    with pytest.raises(stripe.CardError):
        pay(client, method.id, customer=customer.id, off_session=True)


def test_setup_intents_save_refuse_and_are_canceled(server: FakeStripe, client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({})
    asked: Any = {"customer": customer.id, "allowed_payment_method_types": CARD_ONLY}
    intent = client.v1.setup_intents.create(asked)
    assert client.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa"}).status == "succeeded"
    assert len(client.v1.customers.payment_methods.list(customer.id).data) == 1
    second = client.v1.setup_intents.create(asked)
    with pytest.raises(stripe.CardError) as decline:
        client.v1.setup_intents.confirm(second.id, {"payment_method": "pm_card_chargeDeclined"})
    failed = error_object(decline.value).setup_intent
    assert failed is not None
    assert failed.status == "requires_payment_method"
    waiting = client.v1.setup_intents.confirm(second.id, {"payment_method": ALWAYS})
    assert authenticate(server, waiting.id, "fail")["last_setup_error"]["code"] == "setup_intent_authentication_failure"
    assert client.v1.setup_intents.cancel(second.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.setup_intents.cancel(second.id)
    assert [one.id for one in client.v1.setup_intents.list({"customer": customer.id}).data] == [second.id, intent.id]


def test_a_canceled_intent_can_not_be_authenticated(server: FakeStripe, client: stripe.StripeClient) -> None:
    intent = pay(client, ALWAYS)
    client.v1.payment_intents.cancel(intent.id)
    browser = server.client(PUBLISHABLE_KEY)
    asked: Any = {"client_secret": intent.client_secret, "use_stripe_sdk": True}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        browser.v1.payment_intents.confirm(intent.id, asked)
    assert refusal.value.code == "payment_intent_unexpected_state"
