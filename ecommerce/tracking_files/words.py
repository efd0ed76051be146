"""What a row would do, did, or why it does nothing, in words."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ecommerce.models import TrackingFileRow

Status = TrackingFileRow.Status
APPLIED = ("ship", "further", "part", "correct")
SKIPPED = ("has_number", "repeated", "created", "canceled", "returned", "in_flight", "refunded", "on_hold", "attention")
FAILED = (
    *("problem", "doubt", "unknown", "which_parcel", "unknown_sku", "nothing_left", "too_many", "other_row"),
    *("refused", "broken"),
)
KINDS: Mapping[str, tuple[tuple[str, ...], str | Promise]] = {
    "ship": (("ship", "further"), gettext_lazy("Ship all that is left")),
    "part": (("part",), gettext_lazy("Ship a part")),
    "correct": (("correct",), gettext_lazy("Correct a number")),
    "skip": (SKIPPED, gettext_lazy("Skip")),
    "impossible": (FAILED, gettext_lazy("Not possible")),
}
"""The tabs of a preview: their codes and titles."""

SENTENCES: dict[str, str | Promise] = {
    "ship": gettext_lazy("All that is left of order %(order)s leaves with %(parcel)s."),
    "further": gettext_lazy("%(parcel)s is a further number of the same parcel of order %(order)s."),
    "part": gettext_lazy("%(units)s of order %(order)s: leaves with %(parcel)s."),
    "correct": gettext_lazy("Order %(order)s was sent with %(detail)s: its number becomes %(parcel)s."),
    "correct_empty": gettext_lazy("Order %(order)s was sent without a number: it gets %(parcel)s."),
    "has_number": gettext_lazy("Order %(order)s has this number already."),
    "repeated": gettext_lazy("A row above says the same."),
    "created": gettext_lazy("Order %(order)s is not paid."),
    "canceled": gettext_lazy("Order %(order)s is canceled."),
    "returned": gettext_lazy("Order %(order)s came back."),
    "in_flight": gettext_lazy("Order %(order)s waits for Stripe: try again in a minute."),
    "refunded": gettext_lazy("Order %(order)s was wholly refunded: cancel it."),
    "on_hold": gettext_lazy("Order %(order)s is on hold%(why)s."),
    "attention": gettext_lazy("Order %(order)s needs attention: %(detail)s"),
    "doubt": gettext_lazy("%(doubt)s"),
    "problem": gettext_lazy("%(problem)s"),
    "unknown": gettext_lazy("There is no order %(order)s."),
    "which_parcel": gettext_lazy("Order %(order)s was sent in several parcels: correct the number on its page."),
    "unknown_sku": gettext_lazy("Order %(order)s has no %(sku)s."),
    "nothing_left": gettext_lazy("Nothing is left to send of %(sku)s of order %(order)s."),
    "too_many": gettext_lazy("Of %(sku)s of order %(order)s, %(detail)s are left to send."),
    "other_row": gettext_lazy("Another row of the same parcel is not possible."),
    "refused": gettext_lazy("%(detail)s"),
    "broken": gettext_lazy("An error in the program broke the work on this row; it is in the worker log."),
}


def sentence(row: TrackingFileRow) -> str:
    """Say what the row would do, did, or why it did nothing."""
    code = "correct_empty" if row.code == "correct" and not row.detail else row.code
    if code not in SENTENCES:
        return ""
    values = {
        "order": row.order_number,
        "parcel": f"{row.carrier} {row.tracking_number}".strip(),
        "units": f"{row.quantity} x {row.sku}" if row.quantity else _("All that is left of %(sku)s") % {"sku": row.sku},
        "detail": row.detail,
        "why": f": {row.detail}" if row.detail else "",
        **{name: getattr(row, name) for name in ("sku", "doubt", "problem")},
    }
    return str(SENTENCES[code]) % values


def status_of(code: str) -> TrackingFileRow.Status:
    """The outcome of a row that was not applied."""
    return Status.SKIPPED if code in SKIPPED else Status.FAILED
