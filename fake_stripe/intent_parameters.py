"""What may be said of a payment intent when it is created, updated and confirmed."""

import re
from typing import Any

from fake_stripe.calls import Call
from fake_stripe.customers import SHIPPING, email
from fake_stripe.errors import Object, malformed, refused
from fake_stripe.parameters import Kind, array, boolean, choice, either, hash_of, integer, known, metadata, text
from fake_stripe.payment_methods import DATA, TYPES

ALLOWED_SINCE, TYPES_UNTIL, AUTOMATIC_SINCE = "2026-07-29", "2026-09-30", "2023-08-16"
SUFFIX_LENGTH = 22
EXCLUSIVE = (
    "allowed_payment_method_types",
    "payment_method_types",
    "excluded_payment_method_types",
    "automatic_payment_methods",
    "payment_method_configuration",
)
WITH_CONFIRM = ("error_on_requires_action", "mandate_data", "off_session", "return_url", "use_stripe_sdk")


def suffix(value: Any, param: str) -> str | None:
    """Take what is added to the statement: short, with a letter, without what Stripe forbids."""
    clean: str | None = text(SUFFIX_LENGTH, clearable=True)(value, param)
    if clean and (re.search(r"""[<>\\'"*]""", clean) or not re.search("[A-Za-z]", clean)):
        raise malformed(
            "The statement descriptor suffix must contain at least one letter and none of < > \\ ' \" *.", param=param
        )
    return clean


def not_for_cards(_value: Any, param: str) -> None:
    """Refuse `statement_descriptor`, as Stripe does for cards."""
    raise malformed(
        f"The {param} parameter is not supported for payment methods of type card: use statement_descriptor_suffix.",
        param=param,
    )


_card_options = {
    "request_three_d_secure": choice("any", "automatic", "challenge"),
    **known("capture_method cvc_token installments mandate_options moto network request_extended_authorization"),
    **known("request_incremental_authorization request_multicapture request_overcapture require_cvc_recollection"),
    **known("setup_credential_usage setup_future_usage statement_descriptor_suffix_kana stored_credential_usage"),
    **known("statement_descriptor_suffix_kanji three_d_secure"),
}
_types = array(choice(*TYPES, "card_present"))
_both: dict[str, Kind] = {
    "allowed_payment_method_types": _types,
    "capture_method": choice("automatic", "automatic_async", "manual"),
    "excluded_payment_method_types": _types,
    "payment_method": text(),
    "payment_method_data": hash_of(DATA, required=("type",)),
    "payment_method_options": hash_of(
        {"card": hash_of(_card_options), **known(" ".join(("card_present", *TYPES[1:])))}
    ),
    "payment_method_types": _types,
    "receipt_email": email,
    "setup_future_usage": choice("off_session", "on_session", clearable=True),
    "shipping": hash_of(SHIPPING, required=("address", "name"), clearable=True),
    **known("amount_details hooks payment_details"),
}
_confirming: dict[str, Kind] = {
    "error_on_requires_action": boolean,
    "off_session": either(boolean, choice("one_off", "recurring")),
    "radar_options": hash_of({"session": text()}),
    "return_url": text(),
    "use_stripe_sdk": boolean,
    **known("confirmation_token mandate mandate_data"),
}
_standing: dict[str, Kind] = {
    **_both,
    "customer": text(),
    "description": text(1000, clearable=True),
    "metadata": metadata,
    "statement_descriptor": not_for_cards,
    "statement_descriptor_suffix": suffix,
    **known("application_fee_amount customer_account payment_method_configuration transfer_data transfer_group"),
}
_automatic = {"enabled": boolean, "allow_redirects": choice("always", "never")}
CREATE: dict[str, Kind] = {
    **_standing,
    **_confirming,
    "amount": integer(1),
    "automatic_payment_methods": hash_of(_automatic, required=("enabled",)),
    "confirm": boolean,
    "confirmation_method": choice("automatic", "manual"),
    "currency": text(3),
    **known("on_behalf_of"),
}
UPDATE: dict[str, Kind] = {**_standing, "amount": integer(1), "currency": text(3)}
CONFIRM: dict[str, Kind] = {**_both, **_confirming, "client_secret": text(), **known("amount_to_confirm")}


def check_types(call: Call) -> None:
    """Hold the version's rules on which types of payment method a call may name."""
    given = call.params
    if "payment_method_types" in given and call.version >= TYPES_UNTIL:
        raise malformed(
            "The payment_method_types parameter is no longer supported. Use allowed_payment_method_types, "
            "excluded_payment_method_types, or dynamic payment methods instead.",
            param="payment_method_types",
            code="payment_method_types_no_longer_supported",
        )
    if "allowed_payment_method_types" in given and call.version < ALLOWED_SINCE:
        name = "allowed_payment_method_types"
        raise malformed(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
    clash = [name for name in EXCLUSIVE if name in given]
    if len(clash) > 1:
        raise malformed(f"You may only specify one of these parameters: {', '.join(clash)}.", param=clash[0])


def only_when_confirming(given: Object) -> None:
    """Refuse what makes sense only with `confirm`."""
    for name in WITH_CONFIRM:
        if name in given and not given.get("confirm"):
            raise malformed(
                f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is true.",
                param=name,
            )


def payment_method_types(call: Call) -> Object:
    """Give an intent's types of payment method: those allowed, or those that are set up for the account: cards."""
    given = call.params
    allowed = given.get("allowed_payment_method_types")
    excluded = given.get("excluded_payment_method_types")
    named = allowed if allowed is not None else given.get("payment_method_types")
    types = [kind for kind in named or ["card"] if kind == "card" and kind not in (excluded or [])]
    if not types:
        raise refused("No valid payment method types for this Payment Intent.", param="payment_method_types")
    return {
        "allowed_payment_method_types": allowed,
        "automatic_payment_methods": _automatic_methods(call, named),
        "excluded_payment_method_types": excluded,
        "payment_method_options": {"card": _card_choices(given)},
        "payment_method_types": types,
    }


def retype(call: Call, intent: Object) -> None:
    """Take what an update or a confirmation says of an intent's types of payment method."""
    check_types(call)
    chosen = payment_method_types(call)
    if not any(name in call.params for name in EXCLUSIVE):
        chosen = {"payment_method_options": chosen["payment_method_options"]}
    if "payment_method_options" not in call.params:
        del chosen["payment_method_options"]
    intent |= chosen


def _card_choices(given: Object) -> Object:
    blank = {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
    return {**blank, **given.get("payment_method_options", {}).get("card", {})}


def _automatic_methods(call: Call, named: list[str] | None) -> Object | None:
    asked: Object | None = call.params.get("automatic_payment_methods")
    if asked is not None:
        return {"allow_redirects": "always", **asked} if asked["enabled"] else None
    if named is not None or call.version < AUTOMATIC_SINCE or call.params.get("confirmation_method") == "manual":
        return None
    return {"allow_redirects": "always", "enabled": True}
