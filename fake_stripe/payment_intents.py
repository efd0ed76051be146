"""Payment intents: made, read, changed, canceled (https://docs.stripe.com/api/payment_intents)."""

from fake_stripe.calls import Call, endpoint
from fake_stripe.confirmation import confirm, succeed, unexpected
from fake_stripe.currencies import check_amount, check_currency
from fake_stripe.errors import Object, malformed, refused
from fake_stripe.events import emit
from fake_stripe.intent_parameters import (
    CONFIRM,
    CREATE,
    UPDATE,
    check_types,
    only_when_confirming,
    payment_method_types,
    retype,
)
from fake_stripe.listing import belonging, page
from fake_stripe.parameters import PAGE, choice, integer, known, merged, metadata, text, words
from fake_stripe.payment_methods import build, usable
from fake_stripe.state import new_id

NOTHING = words(
    "application application_fee_amount canceled_at cancellation_reason customer_account "
    "last_payment_error latest_charge next_action on_behalf_of payment_method payment_method_configuration_details "
    "processing review source statement_descriptor transfer_data transfer_group"
)
GIVEN = ("description", "receipt_email", "setup_future_usage", "statement_descriptor_suffix")
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action", "processing")
PUBLIC = frozenset(
    words(
        "id object amount amount_details automatic_payment_methods canceled_at cancellation_reason capture_method "
        "client_secret confirmation_method created currency description last_payment_error livemode next_action "
        "payment_method payment_method_types processing receipt_email setup_future_usage shipping source status"
    )
)


@endpoint("POST", "payment_intents", CREATE, required=("amount", "currency"))
def create(call: Call) -> Object:
    """Create an intent, and confirm it at once where that is asked."""
    given = call.params
    check_types(call)
    only_when_confirming(given)
    currency = check_currency(given["currency"])
    check_amount(given["amount"], currency)
    customer = call.get("customer", "customer")["id"] if "customer" in given else None
    intent = call.new("pi", "payment_intent", **dict.fromkeys(NOTHING), **_begun(call), **payment_method_types(call))
    intent |= {"amount": given["amount"], "currency": currency, "customer": customer}
    intent["client_secret"] = f"{intent['id']}_secret_{new_id('x', 25)[2:]}"
    take_method(call, intent)
    call.state.insert(intent)
    emit(call, "payment_intent.created", intent)
    return confirm(call, intent) if given.get("confirm") else intent


def _begun(call: Call) -> Object:
    given = call.params
    return {
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": given.get("capture_method", "automatic_async"),
        "confirmation_method": given.get("confirmation_method", "automatic"),
        "metadata": merged({}, given.get("metadata", {})),
        "status": "requires_payment_method",
        **{name: given.get(name) for name in (*GIVEN, "shipping")},
    }


def take_method(call: Call, intent: Object) -> None:
    """Set the card that a call names or describes: what was asked of the last one is void."""
    given = call.params
    if "payment_method" in given and "payment_method_data" in given:
        raise malformed("You may only specify one of these parameters: payment_method, payment_method_data.")
    if "payment_method" in given:
        method = usable(call, "payment_method")
    elif "payment_method_data" in given:
        method = build(call, given["payment_method_data"], param="payment_method_data[card]")
    else:
        return
    _check_owner(intent, method)
    intent |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}


def _check_owner(intent: Object, method: Object) -> None:
    owner = method["customer"]
    if owner is None or owner == intent["customer"]:
        return
    if intent["customer"] is None:
        raise refused(
            "The PaymentMethod provided is attached to a Customer. You must include the customer parameter "
            f"({owner}) in order to use it.",
            param="payment_method",
        )
    raise refused(
        f"The payment method supplied ({method['id']}) belongs to a different Customer. It must be detached from that "
        "Customer, or you must pass that Customer.",
        param="payment_method",
    )


@endpoint("GET", "payment_intents", {**PAGE, "customer": text(), **known("customer_account")})
def index(call: Call) -> Object:
    """List intents, newest first."""
    return page(call, "payment_intent", belonging(call, "customer"), url="/v1/payment_intents")


@endpoint("GET", "payment_intents/{id}", {"client_secret": text()}, publishable=True)
def retrieve(call: Call) -> Object:
    """Give an intent; to a browser, only with its secret and only what browsers may see."""
    return _for(call, check_secret(call, call.get("payment_intent")))


def check_secret(call: Call, intent: Object) -> Object:
    """Give the intent where the caller may have it: a browser must know its secret."""
    secret = call.params.get("client_secret")
    if secret is None and call.publishable:
        raise malformed("Missing required param: client_secret.", param="client_secret", code="parameter_missing")
    if secret is not None and secret != intent["client_secret"]:
        raise refused(
            "The client_secret provided does not match the client_secret associated with this intent.",
            param="client_secret",
            code=f"{intent['object']}_invalid_parameter",
        )
    return intent


def _for(call: Call, intent: Object) -> Object:
    return {name: value for name, value in intent.items() if name in PUBLIC} if call.publishable else intent


@endpoint("POST", "payment_intents/{id}", UPDATE)
def update(call: Call) -> Object:
    """Change an intent that is not finished; metadata and description at any time."""
    intent = call.get("payment_intent")
    given = call.params
    closed = [name for name in given if name not in {"metadata", "description", "expand", "receipt_email", "shipping"}]
    if closed and intent["status"] not in OPEN:
        raise unexpected(intent, f"be updated ({closed[0]})", OPEN)
    retype(call, intent)
    intent |= {name: given[name] for name in (*GIVEN, "shipping", "capture_method") if name in given}
    intent["metadata"] = merged(intent["metadata"], given.get("metadata", {}))
    if "customer" in given:
        intent["customer"] = call.get("customer", "customer")["id"]
    if "currency" in given:
        intent["currency"] = check_currency(given["currency"])
    intent["amount"] = given.get("amount", intent["amount"])
    check_amount(intent["amount"], intent["currency"])
    take_method(call, intent)
    return call.state.save(intent)


@endpoint("POST", "payment_intents/{id}/confirm", CONFIRM, publishable=True)
def confirm_intent(call: Call) -> Object:
    """Try to take the money."""
    intent = check_secret(call, call.get("payment_intent"))
    if call.publishable and intent["confirmation_method"] == "manual":
        raise refused("This PaymentIntent is configured to be confirmed manually, with a secret key.")
    if intent["status"] in OPEN:
        retype(call, intent)
        given = call.params
        intent |= {name: given[name] for name in ("receipt_email", "setup_future_usage", "shipping") if name in given}
        take_method(call, intent)
    return _for(call, confirm(call, intent))


REASONS = choice("duplicate", "fraudulent", "requested_by_customer", "abandoned")


@endpoint("POST", "payment_intents/{id}/cancel", {"cancellation_reason": REASONS})
def cancel(call: Call) -> Object:
    """Make sure that the intent can't succeed any more."""
    intent = call.get("payment_intent")
    if intent["status"] not in CANCELABLE:
        raise unexpected(intent, "be canceled", CANCELABLE)
    intent |= {
        "amount_capturable": 0,
        "canceled_at": call.state.now(),
        "cancellation_reason": call.params.get("cancellation_reason"),
        "next_action": None,
        "status": "canceled",
    }
    emit(call, "payment_intent.canceled", call.state.save(intent))
    return intent


_capture = {
    "amount_to_capture": integer(1),
    "metadata": metadata,
    **known("amount_details application_fee_amount final_capture hooks payment_details statement_descriptor"),
    **known("statement_descriptor_suffix transfer_data"),
}


@endpoint("POST", "payment_intents/{id}/capture", _capture)
def capture_intent(call: Call) -> Object:
    """Take the money that a manual intent holds."""
    intent = call.get("payment_intent")
    if intent["status"] != "requires_capture":
        raise unexpected(intent, "be captured", ("requires_capture",))
    amount = int(call.params.get("amount_to_capture") or intent["amount"])
    if amount > intent["amount_capturable"]:
        raise refused("The amount to capture is greater than the amount that is capturable.", param="amount_to_capture")
    return succeed(call, intent, amount)
