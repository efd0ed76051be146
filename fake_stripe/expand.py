"""`expand[]`: ids replaced by their objects (https://docs.stripe.com/api/expanding_objects)."""

from fake_stripe.endpoints import RequestContext
from fake_stripe.errors import ApiError, JsonObject, invalid_parameter
from fake_stripe.parameters import words
from fake_stripe.store import public_fields

MAX_DEPTH = 4
# The kind of object that a field's id names.
KINDS = {
    "customer": "customer",
    "payment_method": "payment_method",
    "latest_charge": "charge",
    "charge": "charge",
    "payment_intent": "payment_intent",
    "balance_transaction": "balance_transaction",
    "failure_balance_transaction": "balance_transaction",
    "default_payment_method": "payment_method",
}
# Fields that Stripe can expand, but that are always null here.
ALWAYS_NULL = frozenset(
    words(
        "application on_behalf_of review application_fee source_transfer transfer latest_attempt mandate "
        "single_use_mandate test_clock default_source transfer_reversal source_transfer_reversal"
    )
)
# Not ids themselves, but they hold fields that are.
CONTAINERS = frozenset({"data", "last_payment_error", "last_setup_error", "invoice_settings"})


def expand_response(context: RequestContext, result: JsonObject) -> JsonObject:
    """Replace the ids that `expand` names, and remove the private fields."""
    response = _public(result)
    for path in context.params.get("expand") or []:
        parts = path.split(".")
        if len(parts) - (parts[0] == "data") > MAX_DEPTH:
            raise invalid_parameter(f"You cannot expand more than {MAX_DEPTH} levels of a property.", param="expand")
        _expand(context, response, parts, path)
    return response


def _public(result: JsonObject) -> JsonObject:
    if result.get("object") == "list":
        return {**result, "data": [public_fields(thing) for thing in result["data"]]}
    return public_fields(result)


def _expand(context: RequestContext, thing: JsonObject, parts: list[str], path: str) -> None:
    name, rest = parts[0], parts[1:]
    value = _value(context, thing, name, path)
    thing[name] = value
    for inner in value if isinstance(value, list) else [value]:
        if rest and isinstance(inner, dict):
            _expand(context, inner, rest, path)


def _value(context: RequestContext, thing: JsonObject, name: str, path: str) -> object:
    if name == "refunds" and thing.get("object") == "charge":
        return _refunds(context, thing)
    if name not in thing or not (name in KINDS or name in ALWAYS_NULL or name in CONTAINERS):
        raise _not_expandable(path)
    value = thing[name]
    if not isinstance(value, str):
        return value
    found = context.store.find(KINDS[name], value) if name in KINDS else None
    return public_fields(found) if found else value


def _refunds(context: RequestContext, charge: JsonObject) -> JsonObject:
    found = context.store.filter_by("refund", "charge", charge["id"])[::-1]
    return {
        "object": "list",
        "data": [public_fields(refund) for refund in found[:10]],
        "has_more": len(found) > 10,  # noqa: PLR2004 - Stripe's page size
        "url": f"/v1/charges/{charge['id']}/refunds",
    }


def _not_expandable(path: str) -> ApiError:
    return invalid_parameter(f"This property cannot be expanded ({path}).", param="expand[0]")
