"""`expand[]`: ids turned into the objects they name (https://docs.stripe.com/api/expanding_objects)."""

from fake_stripe.calls import Call
from fake_stripe.errors import ApiError, Object, malformed
from fake_stripe.parameters import words
from fake_stripe.state import public

MAX_DEPTH = 4
# What a field of an object names. Fields that Stripe could expand but that are always null here are in NOTHING.
NAMES = {
    "customer": "customer",
    "payment_method": "payment_method",
    "latest_charge": "charge",
    "charge": "charge",
    "payment_intent": "payment_intent",
    "balance_transaction": "balance_transaction",
    "failure_balance_transaction": "balance_transaction",
    "default_payment_method": "payment_method",
}
NOTHING = frozenset(
    words(
        "application on_behalf_of review application_fee source_transfer transfer latest_attempt mandate "
        "single_use_mandate test_clock default_source transfer_reversal source_transfer_reversal"
    )
)
SHELLS = frozenset({"data", "last_payment_error", "last_setup_error", "invoice_settings"})


def expanded(call: Call, answer: Object) -> Object:
    """Give an answer with everything that `expand` asks for in place, and without the sandbox's own notes."""
    shown = _shown(answer)
    for path in call.params.get("expand") or []:
        parts = path.split(".")
        if len(parts) - (parts[0] == "data") > MAX_DEPTH:
            raise malformed(f"You cannot expand more than {MAX_DEPTH} levels of a property.", param="expand")
        _expand(call, shown, parts, path)
    return shown


def _shown(answer: Object) -> Object:
    if answer.get("object") == "list":
        return {**answer, "data": [public(thing) for thing in answer["data"]]}
    return public(answer)


def _expand(call: Call, thing: Object, parts: list[str], path: str) -> None:
    name, rest = parts[0], parts[1:]
    value = _value(call, thing, name, path)
    thing[name] = value
    for inner in value if isinstance(value, list) else [value]:
        if rest and isinstance(inner, dict):
            _expand(call, inner, rest, path)


def _value(call: Call, thing: Object, name: str, path: str) -> object:
    if name == "refunds" and thing.get("object") == "charge":
        return _refunds(call, thing)
    if name not in thing or not (name in NAMES or name in NOTHING or name in SHELLS):
        raise _not_expandable(path)
    value = thing[name]
    if not isinstance(value, str):
        return value
    found = call.state.find(NAMES[name], value) if name in NAMES else None
    return public(found) if found else value


def _refunds(call: Call, charge: Object) -> Object:
    found = call.state.belonging("refund", "charge", charge["id"])[::-1]
    return {
        "object": "list",
        "data": [public(refund) for refund in found[:10]],
        "has_more": len(found) > 10,  # noqa: PLR2004 - a page of Stripe's
        "url": f"/v1/charges/{charge['id']}/refunds",
    }


def _not_expandable(path: str) -> ApiError:
    return malformed(f"This property cannot be expanded ({path}).", param="expand[0]")
