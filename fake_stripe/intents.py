"""What payment intents and setup intents have in common."""

from fake_stripe.cards import Decline, TestCard
from fake_stripe.endpoints import RequestContext
from fake_stripe.errors import (
    ApiError,
    JsonObject,
    card_declined,
    invalid_parameter,
    invalid_request,
    missing_parameter,
)
from fake_stripe.events import emit
from fake_stripe.payment_methods import decline_error, find_payment_method, payment_method_from_data
from fake_stripe.store import new_id, public_fields, random_text

OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
CLASS_NAMES = {"payment_intent": "PaymentIntent", "setup_intent": "SetupIntent"}
FAILURES = {
    "payment_intent": ("last_payment_error", "payment_intent.payment_failed"),
    "setup_intent": ("last_setup_error", "setup_intent.setup_failed"),
}
NOT_AUTHENTICATED = (
    "We are unable to authenticate your payment method. Please choose a different payment method and try again."
)


def client_secret(intent: JsonObject, length: int) -> str:
    return f"{intent['id']}_secret_{random_text(length)}"


def check_client_secret(context: RequestContext, intent: JsonObject) -> JsonObject:
    """A browser must send the intent's secret."""
    secret = context.params.get("client_secret")
    if secret is None and context.publishable:
        raise missing_parameter("client_secret")
    if secret is not None and secret != intent["client_secret"]:
        raise invalid_request(
            "The client_secret provided does not match the client_secret associated with this intent.",
            param="client_secret",
            code=f"{intent['object']}_invalid_parameter",
        )
    return intent


def unexpected_state(intent: JsonObject, message: str) -> ApiError:
    error = invalid_request(message, code=f"{intent['object']}_unexpected_state")
    error.details = {intent["object"]: public_fields(intent)}
    return error


def check_status(intent: JsonObject, act: str, statuses: tuple[str, ...], detail: str = "") -> None:
    if intent["status"] not in statuses:
        name = CLASS_NAMES[intent["object"]]
        raise unexpected_state(
            intent,
            f"This {name} could not be {act}{detail} because it has a status of {intent['status']}. "
            f"Only a {name} with one of the following statuses may be {act}: {', '.join(statuses)}.",
        )


def set_payment_method(context: RequestContext, intent: JsonObject) -> None:
    """Set the card that the request names or describes; a pending authentication of the last card is void."""
    params = context.params
    if "payment_method" in params and "payment_method_data" in params:
        raise invalid_parameter("You may only specify one of these parameters: payment_method, payment_method_data.")
    if "payment_method" in params:
        method = find_payment_method(context, "payment_method")
    elif "payment_method_data" in params:
        method = payment_method_from_data(context, params["payment_method_data"], param="payment_method_data[card]")
    else:
        return
    _check_owner(intent, method)
    intent |= {"payment_method": method["id"], "status": "requires_confirmation", "next_action": None}


def _check_owner(intent: JsonObject, method: JsonObject) -> None:
    owner = method["customer"]
    if owner is None or owner == intent["customer"]:
        return
    if intent["customer"] is None:
        raise invalid_request(
            "The PaymentMethod provided is attached to a Customer. You must include the customer parameter "
            f"({owner}) in order to use it.",
            param="payment_method",
        )
    raise invalid_request(
        f"The payment method supplied ({method['id']}) belongs to a different Customer. It must be detached from that "
        "Customer, or you must pass that Customer.",
        param="payment_method",
    )


def authentication_requested(intent: JsonObject, card: TestCard) -> bool:
    """Whether the merchant requests 3-D Secure from a card whose bank offers it without requiring it."""
    requested = intent["payment_method_options"]["card"]["request_three_d_secure"]
    return card.authentication == "offered" and requested != "automatic"


def require_authentication(context: RequestContext, intent: JsonObject) -> JsonObject:
    intent |= {"status": "requires_action", "next_action": _next_action(context, intent)}
    emit(context, f"{intent['object']}.requires_action", context.store.save(intent))
    return intent


def _next_action(context: RequestContext, intent: JsonObject) -> JsonObject:
    """A page for customers that are redirected, the same page in a frame for Stripe.js."""
    url = f"{context.base_url}/_sandbox/3ds/{intent['id']}?client_secret={intent['client_secret']}"
    return_url = context.params.get("return_url")
    if return_url and not context.params.get("use_stripe_sdk"):
        return {"type": "redirect_to_url", "redirect_to_url": {"url": url, "return_url": return_url}}
    sdk = {"type": "three_d_secure_redirect", "stripe_js": url, "source": new_id("src")}
    return {"type": "use_stripe_sdk", "use_stripe_sdk": sdk}


def fail_authentication(context: RequestContext, intent: JsonObject) -> JsonObject:
    method = public_fields(context.store.get("payment_method", intent["payment_method"]))
    code = f"{intent['object']}_authentication_failure"
    error = card_declined(NOT_AUTHENTICATED, code=code, payment_method=method)
    error.type = "invalid_request_error"
    return _fail(context, intent, error)


def declined_intent(
    context: RequestContext, intent: JsonObject, method: JsonObject, decline: Decline, **details: object
) -> ApiError:
    """Record the failure on the intent, and return the 402 to raise."""
    error = decline_error(decline, payment_method=public_fields(method), **details)
    _fail(context, intent, error)
    error.details |= {intent["object"]: public_fields(intent)}
    return error


def _fail(context: RequestContext, intent: JsonObject, error: ApiError) -> JsonObject:
    field, event = FAILURES[intent["object"]]
    intent |= {
        field: error.fields(),
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    emit(context, event, context.store.save(intent))
    return intent
