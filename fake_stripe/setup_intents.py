"""Setup intents: a card saved for later without a payment (https://docs.stripe.com/api/setup_intents)."""

from fake_stripe.calls import Call, endpoint
from fake_stripe.cards import Decline
from fake_stripe.confirmation import NOT_AUTHENTICATED, next_action, requested
from fake_stripe.errors import ApiError, Object, declined, refused
from fake_stripe.events import emit
from fake_stripe.intent_parameters import CREATE as INTENT
from fake_stripe.intent_parameters import check_types, payment_method_types, retype
from fake_stripe.listing import belonging, page
from fake_stripe.parameters import PAGE, boolean, choice, known, merged, metadata, text, words
from fake_stripe.payment_intents import OPEN, check_secret, take_method
from fake_stripe.payment_methods import attach, decline_error, test_card
from fake_stripe.state import new_id, public

NOTHING = words(
    "application cancellation_reason customer_account flow_directions last_setup_error latest_attempt "
    "mandate next_action on_behalf_of payment_method payment_method_configuration_details single_use_mandate"
)
_shared = words(
    "allowed_payment_method_types excluded_payment_method_types payment_method payment_method_data "
    "payment_method_options payment_method_types"
)
_update = {
    **{name: INTENT[name] for name in _shared},
    "customer": text(),
    "description": text(1000, clearable=True),
    "metadata": metadata,
    **known("attach_to_self customer_account flow_directions payment_method_configuration"),
}
_create = {
    **_update,
    "automatic_payment_methods": INTENT["automatic_payment_methods"],
    "confirm": boolean,
    "return_url": text(),
    "usage": choice("off_session", "on_session"),
    "use_stripe_sdk": boolean,
    **known("confirmation_token mandate_data on_behalf_of single_use"),
}
_confirm = {
    **{name: INTENT[name] for name in _shared if name not in {"excluded_payment_method_types", "payment_method_types"}},
    "client_secret": text(),
    "return_url": text(),
    "use_stripe_sdk": boolean,
    **known("confirmation_token mandate_data"),
}


@endpoint("POST", "setup_intents", _create)
def create(call: Call) -> Object:
    """Begin to save a card, and finish at once where that is asked."""
    given = call.params
    check_types(call)
    customer = call.get("customer", "customer")["id"] if "customer" in given else None
    intent = call.new("seti", "setup_intent", **dict.fromkeys(NOTHING), **payment_method_types(call))
    intent |= {
        "client_secret": f"{intent['id']}_secret_{new_id('x', 31)[2:]}",
        "customer": customer,
        "description": given.get("description"),
        "metadata": merged({}, given.get("metadata", {})),
        "status": "requires_payment_method",
        "usage": given.get("usage", "off_session"),
    }
    take_method(call, intent)
    call.state.insert(intent)
    emit(call, "setup_intent.created", intent)
    return confirm(call, intent) if given.get("confirm") else intent


@endpoint(
    "GET",
    "setup_intents",
    {**PAGE, "customer": text(), "payment_method": text(), **known("attach_to_self customer_account")},
)
def index(call: Call) -> Object:
    """List setup intents."""
    return page(call, "setup_intent", belonging(call, "customer", "payment_method"), url="/v1/setup_intents")


@endpoint("GET", "setup_intents/{id}", {"client_secret": text()}, publishable=True)
def retrieve(call: Call) -> Object:
    """Give a setup intent."""
    return _for(call, check_secret(call, call.get("setup_intent")))


@endpoint("POST", "setup_intents/{id}", _update)
def update(call: Call) -> Object:
    """Change a setup intent."""
    intent = call.get("setup_intent")
    retype(call, intent)
    if "customer" in call.params:
        intent["customer"] = call.get("customer", "customer")["id"]
    intent["description"] = call.params.get("description", intent["description"])
    intent["metadata"] = merged(intent["metadata"], call.params.get("metadata", {}))
    take_method(call, intent)
    return call.state.save(intent)


@endpoint("POST", "setup_intents/{id}/confirm", _confirm, publishable=True)
def confirm_intent(call: Call) -> Object:
    """Save the card, after its holder has authenticated where the bank wants that."""
    intent = check_secret(call, call.get("setup_intent"))
    if intent["status"] in OPEN:
        retype(call, intent)
        take_method(call, intent)
    return _for(call, confirm(call, intent))


def confirm(call: Call, intent: Object) -> Object:
    """Ask the bank whether the card may be saved."""
    if intent["status"] not in OPEN:
        raise _unexpected(intent, "confirmed")
    method = call.state.find("payment_method", intent["payment_method"])
    if method is None:
        message = "You cannot confirm this SetupIntent because it's missing a payment method."
        raise refused(message, code="setup_intent_unexpected_state", setup_intent=public(intent))
    card = test_card(method)
    if card.decline and not card.keeps:
        raise _failed(call, intent, method, card.decline)
    if card.authentication in {"always", "unless_saved"} or requested(intent, card):
        intent |= {"status": "requires_action", "next_action": next_action(call, intent)}
        emit(call, "setup_intent.requires_action", call.state.save(intent))
        return intent
    return saved(call, intent)


def saved(call: Call, intent: Object) -> Object:
    """Keep the card with its customer."""
    method = call.state.find("payment_method", intent["payment_method"]) or {}
    method["_saved"] = intent["usage"] == "off_session"
    call.state.save(method)
    if intent["customer"] and method["customer"] is None:
        attach(call, method, intent["customer"])
    intent |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
    emit(call, "setup_intent.succeeded", call.state.save(intent))
    return intent


def not_saved(call: Call, intent: Object) -> Object:
    """Leave a setup intent whose customer could not authenticate."""
    method = call.state.find("payment_method", intent["payment_method"]) or {}
    error = declined(NOT_AUTHENTICATED, code="setup_intent_authentication_failure", payment_method=public(method))
    error.type = "invalid_request_error"
    return _close_failed(call, intent, error)


def _failed(call: Call, intent: Object, method: Object, decline: Decline) -> ApiError:
    error = decline_error(decline, payment_method=public(method))
    _close_failed(call, intent, error)
    error.details |= {"setup_intent": public(intent)}
    return error


def _close_failed(call: Call, intent: Object, error: ApiError) -> Object:
    intent |= {
        "last_setup_error": {"type": error.type, "code": error.code, "message": error.message, **error.details},
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    emit(call, "setup_intent.setup_failed", call.state.save(intent))
    return intent


def _unexpected(intent: Object, act: str) -> ApiError:
    return refused(
        f"This SetupIntent could not be {act} because it has a status of {intent['status']}. "
        f"Only a SetupIntent with one of the following statuses may be {act}: {', '.join(OPEN)}.",
        code="setup_intent_unexpected_state",
        setup_intent=public(intent),
    )


@endpoint(
    "POST",
    "setup_intents/{id}/cancel",
    {"cancellation_reason": choice("abandoned", "requested_by_customer", "duplicate")},
)
def cancel(call: Call) -> Object:
    """Give up saving a card."""
    intent = call.get("setup_intent")
    if intent["status"] not in OPEN:
        raise _unexpected(intent, "canceled")
    reason = call.params.get("cancellation_reason")
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    emit(call, "setup_intent.canceled", call.state.save(intent))
    return intent


def _for(call: Call, intent: Object) -> Object:
    hidden = {"metadata", "customer", "application", "on_behalf_of"} if call.publishable else set()
    return {name: value for name, value in intent.items() if name not in hidden}
