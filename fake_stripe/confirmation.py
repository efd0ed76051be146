"""Confirming a payment intent: authentication, the bank's answer, and what follows from it."""

from fake_stripe.calls import Call
from fake_stripe.cards import NOT_HANDLED, UNAUTHENTICATED, Decline, TestCard
from fake_stripe.charges import capture, charge
from fake_stripe.disputes import open_dispute
from fake_stripe.errors import ApiError, Object, declined, malformed, refused
from fake_stripe.events import emit
from fake_stripe.payment_methods import USED_UP, attach, decline_error, test_card
from fake_stripe.state import new_id, public

CONFIRMABLE = ("requires_payment_method", "requires_confirmation", "requires_action")
NEEDS_RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these "
    "payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want "
    "to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
)
NOT_AUTHENTICATED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)
NOT_HANDLED_MESSAGE = (
    "This payment required an authentication action to complete, but `error_on_requires_action` was set. When you're "
    "ready, you can upgrade your integration to handle actions at https://stripe.com/docs/payments/payment-intents/"
    "upgrade-to-handle-actions."
)


def unexpected(intent: Object, act: str, statuses: tuple[str, ...]) -> ApiError:
    """Say that the intent's status forbids an act."""
    verb = act.split()[1] if act.startswith("be ") else act
    return refused(
        f"This PaymentIntent could not {act} because it has a status of {intent['status']}. "
        f"Only a PaymentIntent with one of the following statuses may be {verb}: {', '.join(statuses)}.",
        code="payment_intent_unexpected_state",
        payment_intent=public(intent),
    )


def confirm(call: Call, intent: Object) -> Object:
    """Try to take an intent's money with its card."""
    _check_confirmable(intent)
    method = call.state.find("payment_method", intent["payment_method"])
    if method is None:
        raise refused(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            payment_intent=public(intent),
        )
    if method.get("_spent"):
        raise refused(USED_UP, param="payment_method")
    _check_return_url(call, intent)
    intent |= {"next_action": None, "last_payment_error": None}
    card = test_card(method)
    if requested(intent, card) or asks(card, method, off_session=bool(call.params.get("off_session"))):
        return _authenticate(call, intent, method)
    return authorize(call, intent, method)


def _check_confirmable(intent: Object) -> None:
    if intent["status"] == "succeeded":
        raise refused(
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
            code="payment_intent_unexpected_state",
            payment_intent=public(intent),
        )
    if intent["status"] not in CONFIRMABLE:
        raise unexpected(intent, "be confirmed", CONFIRMABLE)


def _check_return_url(call: Call, intent: Object) -> None:
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["allow_redirects"] == "always" and "return_url" not in call.params:
        browser = call.params.get("use_stripe_sdk") or call.publishable
        if not browser:
            raise malformed(NEEDS_RETURN_URL, param="return_url")


def asks(card: TestCard, method: Object, *, off_session: bool) -> bool:
    """Say whether the card's bank wants its holder to authenticate."""
    if card.authentication == "unless_saved":
        return not (off_session and method.get("_saved"))
    if card.authentication == "on_session":
        return not off_session
    return card.authentication == "always"


def requested(intent: Object, card: TestCard) -> bool:
    """Say whether the merchant wants authentication from a card whose bank offers it without asking for it."""
    wish = intent["payment_method_options"]["card"]["request_three_d_secure"]
    return card.authentication == "offered" and wish != "automatic"


def _authenticate(call: Call, intent: Object, method: Object) -> Object:
    given = call.params
    if given.get("off_session"):
        fail(call, intent, method, UNAUTHENTICATED)
    if given.get("error_on_requires_action"):
        fail(call, intent, method, Decline(NOT_HANDLED.code, NOT_HANDLED.reason, NOT_HANDLED_MESSAGE))
    intent |= {"status": "requires_action", "next_action": next_action(call, intent)}
    emit(call, "payment_intent.requires_action", call.state.save(intent))
    return intent


def next_action(call: Call, intent: Object) -> Object:
    """Give where the customer authenticates: a page for those redirected, the same in a frame for the script."""
    url = f"{call.base_url}/_sandbox/3ds/{intent['id']}?client_secret={intent['client_secret']}"
    return_url = call.params.get("return_url")
    if return_url and not call.params.get("use_stripe_sdk"):
        return {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": return_url}}
    sdk = {"type": "three_d_secure_redirect", "stripe_js": url, "source": new_id("src")}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}


def authorize(call: Call, intent: Object, method: Object) -> Object:
    """Ask the bank."""
    card = test_card(method)
    if card.decline:
        fail(call, intent, method, card.decline)
    made = charge(call, intent, method)
    intent |= {"latest_charge": made["id"], "next_action": None, "last_payment_error": None}
    _save_card(call, intent, method)
    if intent["capture_method"] == "manual":
        intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
        emit(call, "payment_intent.amount_capturable_updated", call.state.save(intent))
        return intent
    _succeeded(call, intent, intent["amount"])
    if card.dispute:
        open_dispute(call, made, reason=card.dispute)
    return intent


def succeed(call: Call, intent: Object, amount: int) -> Object:
    """Take money that was held."""
    capture(call, call.state.find("charge", intent["latest_charge"]) or {}, amount)
    return _succeeded(call, intent, amount)


def _succeeded(call: Call, intent: Object, amount: int) -> Object:
    intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
    emit(call, "payment_intent.succeeded", call.state.save(intent))
    return intent


def _save_card(call: Call, intent: Object, method: Object) -> None:
    usage = intent["setup_future_usage"]
    if usage and intent["customer"]:
        method["_saved"] = usage == "off_session" or bool(method.get("_saved"))
        call.state.save(method)
        if method["customer"] is None:
            attach(call, method, intent["customer"])
    elif method["customer"] is None:
        # A card that belongs to nobody pays once.
        call.state.save(method | {"_spent": True})


def fail(call: Call, intent: Object, method: Object, decline: Decline) -> None:
    """Keep the failed attempt, then answer 402."""
    made = charge(call, intent, method, decline=decline)
    error = decline_error(decline, charge=made["id"], payment_method=public(method))
    intent["latest_charge"] = made["id"]
    close_failed(call, intent, error)
    error.details |= {"payment_intent": public(intent)}
    raise error


def close_failed(call: Call, intent: Object, error: ApiError) -> None:
    """Leave the intent waiting for another card, with what went wrong."""
    told = {"type": error.type, "code": error.code, "message": error.message, "param": error.param, **error.details}
    told["doc_url"] = f"https://stripe.com/docs/error-codes/{str(error.code).replace('_', '-')}"
    intent |= {
        "last_payment_error": {name: value for name, value in told.items() if value is not None},
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    emit(call, "payment_intent.payment_failed", call.state.save(intent))


def authenticated(call: Call, intent: Object) -> Object:
    """Go on after the customer has authenticated."""
    method = call.state.find("payment_method", intent["payment_method"]) or {}
    if intent["confirmation_method"] == "manual":
        return call.state.save(
            intent | {"status": "requires_confirmation", "next_action": None, "_authenticated": True}
        )
    return authorize(call, intent | {"_authenticated": True}, method)


def not_authenticated(call: Call, intent: Object) -> Object:
    """Leave the intent after the customer could not authenticate."""
    method = call.state.find("payment_method", intent["payment_method"]) or {}
    error = declined(NOT_AUTHENTICATED, code="payment_intent_authentication_failure", payment_method=public(method))
    error.type = "invalid_request_error"
    close_failed(call, intent, error)
    return intent
