"""The parameters of payment intents, and the rules on types of payment method."""

import re
from typing import Any

from fake_stripe.customers import SHIPPING, email
from fake_stripe.endpoints import RequestContext
from fake_stripe.errors import JsonObject, invalid_parameter, invalid_request
from fake_stripe.parameters import (
    Parser,
    array,
    boolean,
    choice,
    either,
    integer,
    metadata,
    nested,
    not_simulated,
    text,
)
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


def statement_suffix(value: Any, param: str) -> str | None:
    clean: str | None = text(SUFFIX_LENGTH, clearable=True)(value, param)
    if clean and (re.search(r"""[<>\\'"*]""", clean) or not re.search("[A-Za-z]", clean)):
        raise invalid_parameter(
            "The statement descriptor suffix must contain at least one letter and none of < > \\ ' \" *.", param=param
        )
    return clean


def _not_for_cards(_value: Any, param: str) -> None:
    raise invalid_parameter(
        f"The {param} parameter is not supported for payment methods of type card: use statement_descriptor_suffix.",
        param=param,
    )


_card_options = {
    "request_three_d_secure": choice("any", "automatic", "challenge"),
    **not_simulated(
        "capture_method cvc_token installments mandate_options moto network request_extended_authorization"
    ),
    **not_simulated(
        "request_incremental_authorization request_multicapture request_overcapture require_cvc_recollection"
    ),
    **not_simulated(
        "setup_credential_usage setup_future_usage statement_descriptor_suffix_kana stored_credential_usage"
    ),
    **not_simulated("statement_descriptor_suffix_kanji three_d_secure"),
}
_types = array(choice(*TYPES, "card_present"))
_common: dict[str, Parser] = {
    "allowed_payment_method_types": _types,
    "capture_method": choice("automatic", "automatic_async", "manual"),
    "excluded_payment_method_types": _types,
    "payment_method": text(),
    "payment_method_data": nested(DATA, required=("type",)),
    "payment_method_options": nested(
        {"card": nested(_card_options), **not_simulated(" ".join(("card_present", *TYPES[1:])))}
    ),
    "payment_method_types": _types,
    "receipt_email": email,
    "setup_future_usage": choice("off_session", "on_session", clearable=True),
    "shipping": nested(SHIPPING, required=("address", "name"), clearable=True),
    **not_simulated("amount_details hooks payment_details"),
}
_confirm_only: dict[str, Parser] = {
    "error_on_requires_action": boolean,
    "off_session": either(boolean, choice("one_off", "recurring")),
    "radar_options": nested({"session": text()}),
    "return_url": text(),
    "use_stripe_sdk": boolean,
    **not_simulated("confirmation_token mandate mandate_data"),
}
_create_or_update: dict[str, Parser] = {
    **_common,
    "customer": text(),
    "description": text(1000, clearable=True),
    "metadata": metadata,
    "statement_descriptor": _not_for_cards,
    "statement_descriptor_suffix": statement_suffix,
    **not_simulated(
        "application_fee_amount customer_account payment_method_configuration transfer_data transfer_group"
    ),
}
_automatic = {"enabled": boolean, "allow_redirects": choice("always", "never")}
CREATE: dict[str, Parser] = {
    **_create_or_update,
    **_confirm_only,
    "amount": integer(1),
    "automatic_payment_methods": nested(_automatic, required=("enabled",)),
    "confirm": boolean,
    "confirmation_method": choice("automatic", "manual"),
    "currency": text(3),
    **not_simulated("on_behalf_of"),
}
UPDATE: dict[str, Parser] = {**_create_or_update, "amount": integer(1), "currency": text(3)}
CONFIRM: dict[str, Parser] = {**_common, **_confirm_only, "client_secret": text(), **not_simulated("amount_to_confirm")}


def check_type_parameters(context: RequestContext) -> None:
    params = context.params
    if "payment_method_types" in params and context.version >= TYPES_UNTIL:
        raise invalid_parameter(
            "The payment_method_types parameter is no longer supported. Use allowed_payment_method_types, "
            "excluded_payment_method_types, or dynamic payment methods instead.",
            param="payment_method_types",
            code="payment_method_types_no_longer_supported",
        )
    if "allowed_payment_method_types" in params and context.version < ALLOWED_SINCE:
        name = "allowed_payment_method_types"
        raise invalid_parameter(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
    clash = list(context.sent(*EXCLUSIVE))
    if len(clash) > 1:
        raise invalid_parameter(f"You may only specify one of these parameters: {', '.join(clash)}.", param=clash[0])


def check_only_with_confirm(params: JsonObject) -> None:
    for name in WITH_CONFIRM:
        if name in params and not params.get("confirm"):
            raise invalid_parameter(
                f"The parameter `{name}` cannot be passed when creating a PaymentIntent unless `confirm` is true.",
                param=name,
            )


def payment_method_types(context: RequestContext) -> JsonObject:
    params = context.params
    allowed = params.get("allowed_payment_method_types")
    excluded = params.get("excluded_payment_method_types")
    selected = allowed if allowed is not None else params.get("payment_method_types")
    types = [kind for kind in selected or ["card"] if kind == "card" and kind not in (excluded or [])]
    if not types:
        raise invalid_request("No valid payment method types for this Payment Intent.", param="payment_method_types")
    return {
        "allowed_payment_method_types": allowed,
        "automatic_payment_methods": _automatic_methods(context, selected),
        "excluded_payment_method_types": excluded,
        "payment_method_options": {"card": _card_options_of(params)},
        "payment_method_types": types,
    }


def update_payment_method_types(context: RequestContext, intent: JsonObject) -> None:
    check_type_parameters(context)
    fields = payment_method_types(context)
    if not context.sent(*EXCLUSIVE):
        fields = {"payment_method_options": fields["payment_method_options"]}
    if "payment_method_options" not in context.params:
        del fields["payment_method_options"]
    intent |= fields


def _card_options_of(params: JsonObject) -> JsonObject:
    blank = {"installments": None, "mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
    return {**blank, **params.get("payment_method_options", {}).get("card", {})}


def _automatic_methods(context: RequestContext, selected: list[str] | None) -> JsonObject | None:
    requested: JsonObject | None = context.params.get("automatic_payment_methods")
    if requested is not None:
        return {"allow_redirects": "always", **requested} if requested["enabled"] else None
    if (
        selected is not None
        or context.version < AUTOMATIC_SINCE
        or context.params.get("confirmation_method") == "manual"
    ):
        return None
    return {"allow_redirects": "always", "enabled": True}
