"""Confirming a payment intent: authentication by the customer, authorization by the bank, and the results of both."""

from fake_stripe.cards import NOT_HANDLED, UNAUTHENTICATED, Decline, TestCard
from fake_stripe.charges import capture_charge, create_charge
from fake_stripe.disputes import open_dispute
from fake_stripe.endpoints import RequestContext
from fake_stripe.errors import ApiError, JsonObject, invalid_parameter, invalid_request
from fake_stripe.events import emit
from fake_stripe.intents import (
    OPEN,
    authentication_requested,
    check_status,
    declined_intent,
    require_authentication,
    unexpected_state,
)
from fake_stripe.payment_methods import USED_UP, attach, test_card
from fake_stripe.reviews import open_review

NEEDS_RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these "
    "payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want "
    "to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)


def confirm(context: RequestContext, intent: JsonObject) -> JsonObject:
    """Raise a CardError where the card is declined."""
    method = _check_confirmable(context, intent)
    intent |= {"next_action": None, "last_payment_error": None}
    card = test_card(method)
    off_session = bool(context.params.get("off_session"))
    if authentication_requested(intent, card) or bank_requires_authentication(card, method, off_session=off_session):
        return _authenticate(context, intent, method)
    return _authorize(context, intent, method)


def _check_confirmable(context: RequestContext, intent: JsonObject) -> JsonObject:
    if intent["status"] == "succeeded":
        raise unexpected_state(
            intent,
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
        )
    check_status(intent, "confirmed", OPEN)
    method = context.store.find("payment_method", intent["payment_method"])
    if method is None:
        raise unexpected_state(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
        )
    if method.get("_spent"):
        raise invalid_request(USED_UP, param="payment_method")
    _check_return_url(context, intent)
    return method


def _check_return_url(context: RequestContext, intent: JsonObject) -> None:
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["allow_redirects"] == "always" and "return_url" not in context.params:
        browser = context.params.get("use_stripe_sdk") or context.publishable
        if not browser:
            raise invalid_parameter(NEEDS_RETURN_URL, param="return_url")


def bank_requires_authentication(card: TestCard, method: JsonObject, *, off_session: bool) -> bool:
    if card.authentication == "unless_saved":
        return not (off_session and method.get("_saved"))
    if card.authentication == "on_session":
        return not off_session
    return card.authentication == "always"


def _authenticate(context: RequestContext, intent: JsonObject, method: JsonObject) -> JsonObject:
    if context.params.get("off_session"):
        raise _declined(context, intent, method, UNAUTHENTICATED)
    if context.params.get("error_on_requires_action"):
        raise _declined(context, intent, method, NOT_HANDLED)
    return require_authentication(context, intent)


def resume_after_authentication(context: RequestContext, intent: JsonObject) -> JsonObject:
    """Raise a CardError where the card is declined after all."""
    intent["_authenticated"] = True
    if intent["confirmation_method"] == "manual":
        return context.store.save(intent | {"status": "requires_confirmation", "next_action": None})
    return _authorize(context, intent, context.store.get("payment_method", intent["payment_method"]))


def _authorize(context: RequestContext, intent: JsonObject, method: JsonObject) -> JsonObject:
    card = test_card(method)
    if card.decline:
        raise _declined(context, intent, method, card.decline)
    charge = create_charge(context, intent, method)
    intent |= {"latest_charge": charge["id"], "next_action": None, "last_payment_error": None}
    _save_card(context, intent, method)
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        emit(context, "payment_intent.amount_capturable_updated", context.store.save(intent))
        return intent
    if card.review:
        intent["review"] = open_review(context, charge, reason="rule")["id"]
    _succeed(context, intent, intent["amount"])
    if card.dispute:
        open_dispute(context, charge, reason=card.dispute)
    return intent


def capture(context: RequestContext, intent: JsonObject, amount: int) -> JsonObject:
    capture_charge(context, context.store.get("charge", intent["latest_charge"]), amount)
    return _succeed(context, intent, amount)


def _succeed(context: RequestContext, intent: JsonObject, amount: int) -> JsonObject:
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    emit(context, "payment_intent.succeeded", context.store.save(intent))
    return intent


def _save_card(context: RequestContext, intent: JsonObject, method: JsonObject) -> None:
    usage = intent["setup_future_usage"]
    if usage and intent["customer"]:
        method["_saved"] = usage == "off_session" or bool(method.get("_saved"))
        context.store.save(method)
        if method["customer"] is None:
            attach(context, method, intent["customer"])
    elif method["customer"] is None:
        # A card without a customer pays once.
        context.store.save(method | {"_spent": True})


def _declined(context: RequestContext, intent: JsonObject, method: JsonObject, decline: Decline) -> ApiError:
    intent["latest_charge"] = create_charge(context, intent, method, decline=decline)["id"]
    return declined_intent(context, intent, method, decline, charge=intent["latest_charge"])
