"""Payment intents (https://docs.stripe.com/api/payment_intents)."""

from fake_stripe.confirm_payment_intent import capture, confirm
from fake_stripe.currencies import check_amount, check_currency
from fake_stripe.endpoints import RequestContext, endpoint
from fake_stripe.errors import JsonObject, invalid_request
from fake_stripe.events import emit
from fake_stripe.intent_parameters import (
    CONFIRM,
    CREATE,
    UPDATE,
    check_only_with_confirm,
    check_type_parameters,
    payment_method_types,
    update_payment_method_types,
)
from fake_stripe.intents import OPEN, check_client_secret, check_status, client_secret, set_payment_method
from fake_stripe.pagination import list_endpoint
from fake_stripe.parameters import choice, integer, metadata, not_simulated, text, words

NULL_FIELDS = words(
    "application application_fee_amount canceled_at cancellation_reason customer_account "
    "last_payment_error latest_charge next_action on_behalf_of payment_method payment_method_configuration_details "
    "processing review source statement_descriptor transfer_data transfer_group"
)
COPIED_FIELDS = ("description", "receipt_email", "setup_future_usage", "shipping", "statement_descriptor_suffix")
ALWAYS_CHANGEABLE = frozenset(words("metadata description expand receipt_email shipping"))
CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
BROWSER_FIELDS = frozenset(
    words(
        "id object amount amount_details automatic_payment_methods canceled_at cancellation_reason capture_method "
        "client_secret confirmation_method created currency description last_payment_error livemode next_action "
        "payment_method payment_method_types processing receipt_email setup_future_usage shipping source status"
    )
)


@endpoint("POST", "payment_intents", CREATE, required=("amount", "currency"))
def create(context: RequestContext) -> JsonObject:
    params = context.params
    check_type_parameters(context)
    check_only_with_confirm(params)
    currency = check_currency(params["currency"])
    check_amount(params["amount"], currency)
    intent = context.new_object(
        "pi",
        "payment_intent",
        **dict.fromkeys((*NULL_FIELDS, *COPIED_FIELDS)),
        amount=params["amount"],
        amount_capturable=0,
        amount_details={"tip": {}},
        amount_received=0,
        capture_method=params.get("capture_method", "automatic_async"),
        confirmation_method=params.get("confirmation_method", "automatic"),
        currency=currency,
        customer=context.customer_id(),
        metadata={},
        status="requires_payment_method",
        **payment_method_types(context),
    )
    intent |= {"client_secret": client_secret(intent, 25), **context.sent(*COPIED_FIELDS)}
    context.update_metadata(intent)
    set_payment_method(context, intent)
    context.store.insert(intent)
    emit(context, "payment_intent.created", intent)
    return confirm(context, intent) if params.get("confirm") else intent


list_endpoint("payment_intent", "customer", unsupported="customer_account")


@endpoint("GET", "payment_intents/{id}", {"client_secret": text()}, publishable=True)
def retrieve(context: RequestContext) -> JsonObject:
    return _visible(context, check_client_secret(context, context.get("payment_intent")))


def _visible(context: RequestContext, intent: JsonObject) -> JsonObject:
    if not context.publishable:
        return intent
    return {name: value for name, value in intent.items() if name in BROWSER_FIELDS}


@endpoint("POST", "payment_intents/{id}", UPDATE)
def update(context: RequestContext) -> JsonObject:
    intent = context.get("payment_intent")
    params = context.params
    restricted = [name for name in params if name not in ALWAYS_CHANGEABLE]
    if restricted:
        check_status(intent, "updated", OPEN, detail=f" ({restricted[0]})")
    update_payment_method_types(context, intent)
    intent |= context.sent(*COPIED_FIELDS, "capture_method", "amount")
    context.update_metadata(intent)
    if "customer" in params:
        intent["customer"] = context.customer_id()
    if "currency" in params:
        intent["currency"] = check_currency(params["currency"])
    check_amount(intent["amount"], intent["currency"])
    set_payment_method(context, intent)
    return context.store.save(intent)


@endpoint("POST", "payment_intents/{id}/confirm", CONFIRM, publishable=True)
def confirm_intent(context: RequestContext) -> JsonObject:
    intent = check_client_secret(context, context.get("payment_intent"))
    if context.publishable and intent["confirmation_method"] == "manual":
        raise invalid_request("This PaymentIntent is configured to be confirmed manually, with a secret key.")
    if intent["status"] in OPEN:
        update_payment_method_types(context, intent)
        intent |= context.sent("receipt_email", "setup_future_usage", "shipping")
        set_payment_method(context, intent)
    return _visible(context, confirm(context, intent))


REASONS = choice("duplicate", "fraudulent", "requested_by_customer", "abandoned")


@endpoint("POST", "payment_intents/{id}/cancel", {"cancellation_reason": REASONS})
def cancel(context: RequestContext) -> JsonObject:
    intent = context.get("payment_intent")
    check_status(intent, "canceled", CANCELABLE)
    intent |= {
        "amount_capturable": 0,
        "canceled_at": context.store.now(),
        "cancellation_reason": context.params.get("cancellation_reason"),
        "next_action": None,
        "status": "canceled",
    }
    emit(context, "payment_intent.canceled", context.store.save(intent))
    return intent


_capture = {
    "amount_to_capture": integer(1),
    "metadata": metadata,
    **not_simulated("amount_details application_fee_amount final_capture hooks payment_details statement_descriptor"),
    **not_simulated("statement_descriptor_suffix transfer_data"),
}


@endpoint("POST", "payment_intents/{id}/capture", _capture)
def capture_intent(context: RequestContext) -> JsonObject:
    intent = context.get("payment_intent")
    check_status(intent, "captured", ("requires_capture",))
    amount = int(context.params.get("amount_to_capture") or intent["amount"])
    if amount > intent["amount_capturable"]:
        raise invalid_request(
            "The amount to capture is greater than the amount that is capturable.", param="amount_to_capture"
        )
    return capture(context, intent, amount)
