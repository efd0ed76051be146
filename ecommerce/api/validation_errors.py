"""Validation errors of pydantic as sentences: which field is wrong, and what to write in it."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecommerce.pricing.order import MAX_LINES, MAX_QUANTITY

INTEGER = gettext_lazy("%(field)s: write a whole number, as in 1.")
DATETIME = gettext_lazy("%(field)s: write a time with its offset from UTC, as in 2026-11-23T10:00:00Z.")
BOOLEAN = gettext_lazy("%(field)s: write true or false.")
OBJECT = gettext_lazy("%(field)s: write an object, as in {…}.")
# By pydantic's type of error; a type that is not listed keeps pydantic's own message.
SENTENCES = {
    "missing": gettext_lazy("%(field)s is missing."),
    "value_error": gettext_lazy("%(field)s: %(error)s."),
    "literal_error": gettext_lazy("%(field)s: write %(expected)s."),
    "string_type": gettext_lazy("%(field)s: write a text."),
    "string_too_short": gettext_lazy("%(field)s is too short: its length is %(min_length)s at least."),
    "string_too_long": gettext_lazy("%(field)s is too long: its length is %(max_length)s at most."),
    "greater_than_equal": gettext_lazy("%(field)s: write a number that is %(ge)s at least."),
    "less_than_equal": gettext_lazy("%(field)s: write a number that is %(le)s at most."),
    "list_type": gettext_lazy("%(field)s: write a list, as in […]."),
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), INTEGER),
    **dict.fromkeys(("bool_type", "bool_parsing"), BOOLEAN),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), OBJECT),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"), DATETIME),
}


def describe(error: dict[str, Any]) -> tuple[str, str, str]:
    """Return code, message and field. The value sent is never repeated: it may be a secret."""
    loc = error["loc"]
    # Ninja puts the source of a value first, and before the fields of a body the parameter's name.
    field = ".".join(str(part) for part in loc[2 if loc[0] == "body" else 1 :])
    # Where an act would refuse the same, the code is the act's.
    if field.endswith("quantity") and error["type"] != "missing":
        sentence = _("%(field)s: a quantity is a whole number from 1 to %(most)s.")
        return "invalid_quantity", sentence % {"field": field, "most": MAX_QUANTITY}, field
    if field == "items" and error["type"] == "too_short":
        return "items_required", _("Choose at least one item."), field
    if field == "items" and error["type"] == "too_long":
        return "too_many_items", _("An order has at most %(most)s lines.") % {"most": MAX_LINES}, field
    return "malformed", _sentence(error, field), field


def _sentence(error: dict[str, Any], field: str) -> str:
    sentence = SENTENCES.get(error["type"])
    if sentence:
        return str(sentence) % {**error.get("ctx", {}), "field": field or _("The body")}
    return f"{field}: {error['msg']}."
