"""What is wrong with a body, a query or a path: which field, and what to write in it."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecommerce.pricing import MAX_LINES, MAX_QUANTITY

Wrong = dict[str, Any]

WHOLE = gettext_lazy("%(field)s: write a whole number, as in 1.")
TIME = gettext_lazy("%(field)s: write a time with its offset from UTC, as in 2026-11-23T10:00:00Z.")
TRUTH = gettext_lazy("%(field)s: write true or false.")
OBJECT = gettext_lazy("%(field)s: write an object, as in {…}.")
# What pydantic calls an error, in words for those who sent it. What is not listed keeps pydantic's own.
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
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), WHOLE),
    **dict.fromkeys(("bool_type", "bool_parsing"), TRUTH),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), OBJECT),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_from_date_parsing", "timezone_aware"), TIME),
}


def refusal(wrong: Wrong) -> tuple[str, str, str]:
    """Give code, sentence and field of an error of pydantic's; what was sent is never repeated, it may be a secret."""
    loc = wrong["loc"]
    field = ".".join(str(part) for part in loc[2 if loc[0] == "body" else 1 :])
    # What the acts would refuse too, if they saw it, has their code.
    if field.endswith("quantity") and wrong["type"] != "missing":
        sentence = _("%(field)s: a quantity is a whole number from 1 to %(most)s.")
        return "invalid_quantity", sentence % {"field": field, "most": MAX_QUANTITY}, field
    if field == "items" and wrong["type"] == "too_short":
        return "items_required", _("Choose at least one item."), field
    if field == "items" and wrong["type"] == "too_long":
        return "too_many_items", _("An order has at most %(most)s lines.") % {"most": MAX_LINES}, field
    return "malformed", _sentence(wrong, field), field


def _sentence(wrong: Wrong, field: str) -> str:
    known = SENTENCES.get(wrong["type"])
    if known:
        return str(known) % {**wrong.get("ctx", {}), "field": field or _("The body")}
    return f"{field}: {wrong['msg']}."
