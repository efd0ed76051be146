"""Setup intents: a card saved for later without a payment (https://docs.stripe.com/api/setup_intents)."""

from fake_stripe.endpoints import RequestContext, endpoint
from fake_stripe.errors import JsonObject
from fake_stripe.events import emit
from fake_stripe.intent_parameters import CREATE as INTENT
from fake_stripe.intent_parameters import check_type_parameters, payment_method_types, update_payment_method_types
from fake_stripe.intents import (
    OPEN,
    authentication_requested,
    check_client_secret,
    check_status,
    client_secret,
    declined_intent,
    require_authentication,
    set_payment_method,
    unexpected_state,
)
from fake_stripe.pagination import list_endpoint
from fake_stripe.parameters import boolean, choice, metadata, not_simulated, text, words
from fake_stripe.payment_methods import attach, test_card

NULL_FIELDS = words(
    "application cancellation_reason customer_account description flow_directions last_setup_error latest_attempt "
    "mandate next_action on_behalf_of payment_method payment_method_configuration_details single_use_mandate"
)
HIDDEN_FROM_BROWSERS = frozenset({"metadata", "customer", "application", "on_behalf_of"})
_shared = words(
    "allowed_payment_method_types excluded_payment_method_types payment_method payment_method_data "
    "payment_method_options payment_method_types"
)
_update = {
    **{name: INTENT[name] for name in _shared},
    "customer": text(),
    "description": text(1000, clearable=True),
    "metadata": metadata,
    **not_simulated("attach_to_self customer_account flow_directions payment_method_configuration"),
}
_create = {
    **_update,
    "automatic_payment_methods": INTENT["automatic_payment_methods"],
    "confirm": boolean,
    "return_url": text(),
    "usage": choice("off_session", "on_session"),
    "use_stripe_sdk": boolean,
    **not_simulated("confirmation_token mandate_data on_behalf_of single_use"),
}
_confirm = {
    **{name: INTENT[name] for name in _shared if name not in {"excluded_payment_method_types", "payment_method_types"}},
    "client_secret": text(),
    "return_url": text(),
    "use_stripe_sdk": boolean,
    **not_simulated("confirmation_token mandate_data"),
}


@endpoint("POST", "setup_intents", _create)
def create(context: RequestContext) -> JsonObject:
    params = context.params
    check_type_parameters(context)
    intent = context.new_object(
        "seti",
        "setup_intent",
        **dict.fromkeys(NULL_FIELDS),
        customer=context.customer_id(),
        metadata={},
        status="requires_payment_method",
        usage=params.get("usage", "off_session"),
        **payment_method_types(context),
    )
    intent |= {"client_secret": client_secret(intent, 31), **context.sent("description")}
    context.update_metadata(intent)
    set_payment_method(context, intent)
    context.store.insert(intent)
    emit(context, "setup_intent.created", intent)
    return confirm(context, intent) if params.get("confirm") else intent


list_endpoint("setup_intent", "customer", "payment_method", unsupported="attach_to_self customer_account")


@endpoint("GET", "setup_intents/{id}", {"client_secret": text()}, publishable=True)
def retrieve(context: RequestContext) -> JsonObject:
    return _visible(context, check_client_secret(context, context.get("setup_intent")))


def _visible(context: RequestContext, intent: JsonObject) -> JsonObject:
    if not context.publishable:
        return intent
    return {name: value for name, value in intent.items() if name not in HIDDEN_FROM_BROWSERS}


@endpoint("POST", "setup_intents/{id}", _update)
def update(context: RequestContext) -> JsonObject:
    intent = context.get("setup_intent")
    update_payment_method_types(context, intent)
    if "customer" in context.params:
        intent["customer"] = context.customer_id()
    intent |= context.sent("description")
    context.update_metadata(intent)
    set_payment_method(context, intent)
    return context.store.save(intent)


@endpoint("POST", "setup_intents/{id}/confirm", _confirm, publishable=True)
def confirm_intent(context: RequestContext) -> JsonObject:
    intent = check_client_secret(context, context.get("setup_intent"))
    if intent["status"] in OPEN:
        update_payment_method_types(context, intent)
        set_payment_method(context, intent)
    return _visible(context, confirm(context, intent))


def confirm(context: RequestContext, intent: JsonObject) -> JsonObject:
    """Raise a CardError where the bank declines."""
    check_status(intent, "confirmed", OPEN)
    method = context.store.find("payment_method", intent["payment_method"])
    if method is None:
        raise unexpected_state(intent, "You cannot confirm this SetupIntent because it's missing a payment method.")
    card = test_card(method)
    if card.decline and not card.can_be_saved:
        raise declined_intent(context, intent, method, card.decline)
    if card.authentication in {"always", "unless_saved"} or authentication_requested(intent, card):
        return require_authentication(context, intent)
    return succeed_setup(context, intent)


def succeed_setup(context: RequestContext, intent: JsonObject) -> JsonObject:
    method = context.store.get("payment_method", intent["payment_method"])
    method["_saved"] = intent["usage"] == "off_session"
    context.store.save(method)
    if intent["customer"] and method["customer"] is None:
        attach(context, method, intent["customer"])
    intent |= {"status": "succeeded", "next_action": None, "last_setup_error": None}
    emit(context, "setup_intent.succeeded", context.store.save(intent))
    return intent


REASONS = choice("abandoned", "requested_by_customer", "duplicate")


@endpoint("POST", "setup_intents/{id}/cancel", {"cancellation_reason": REASONS})
def cancel(context: RequestContext) -> JsonObject:
    intent = context.get("setup_intent")
    check_status(intent, "canceled", OPEN)
    reason = context.params.get("cancellation_reason")
    intent |= {"status": "canceled", "cancellation_reason": reason, "next_action": None}
    emit(context, "setup_intent.canceled", context.store.save(intent))
    return intent
