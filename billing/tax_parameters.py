"""What is sent to have a tax transaction recorded, and how what Stripe recorded may differ from it."""

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from billing.models import TaxTransaction
from billing.money import format_money
from billing.tax_types import StripeTaxTransaction

Kind = TaxTransaction.Kind

# A sale that is first sent later than this is posted to the time at which it was paid, so that it counts to its month.
SENT_IN_TIME = timedelta(hours=1)


def of(row: TaxTransaction) -> dict[str, Any]:
    """Return the parameters of a leased row; the original of a reversal is recorded."""
    return _of_sale(row) if row.kind == Kind.TRANSACTION else _of_reversal(row)


def _common(row: TaxTransaction) -> dict[str, Any]:
    metadata = {"tax_transaction": str(row.uuid), "order": row.invoice.reference, "invoice": row.invoice.number}
    return {"reference": row.reference, "metadata": metadata, "expand": ["line_items"]}


def _of_sale(row: TaxTransaction) -> dict[str, Any]:
    late = row.leased_at - row.requested_at > SENT_IN_TIME
    posted = {"posted_at": int(row.requested_at.timestamp())} if late else {}
    return {"calculation": row.calculation_id, **posted, **_common(row)}


def _of_reversal(row: TaxTransaction) -> dict[str, Any]:
    original = row.original
    if original is None or original.stripe_id is None:
        raise RuntimeError(f"The original of {row} is not recorded.")
    params = {"original_transaction": original.stripe_id, **_common(row)}
    if row.kind == Kind.UNDO:
        return {"mode": "full", **params}
    # Never "full": that would leave out what earlier refunds took, and so take it twice.
    lines = [_reversed_line(part, original, included=row.included) for part in row.parts["lines"]]
    shipping = row.parts["shipping"]
    return {
        "mode": "partial",
        **params,
        **({"line_items": lines} if lines else {}),
        **({"shipping_cost": _negative(shipping, included=row.included)} if shipping else {}),
    }


def _reversed_line(part: dict[str, Any], original: TaxTransaction, *, included: bool) -> dict[str, Any]:
    return {
        "original_line_item": original.lines[part["reference"]],
        "reference": part["reference"],
        **({"quantity": part["quantity"]} if part["quantity"] else {}),
        **_negative(part, included=included),
    }


def _negative(part: dict[str, Any], *, included: bool) -> dict[str, int]:
    return {"amount": -(part["goods"] + (part["tax"] if included else 0)), "amount_tax": -part["tax"]}


def difference(row: TaxTransaction, recorded: StripeTaxTransaction) -> str:
    """Say how what Stripe has recorded is not what was to be; "" if it is."""
    sign = 1 if row.kind != Kind.REVERSAL else -1
    ours = (
        row.reference,
        row.currency,
        row.amount * sign,
        row.tax * sign,
        row.original.stripe_id if row.original else "",
    )
    theirs = (recorded.reference, recorded.currency, recorded.gross, recorded.tax, recorded.original_id)
    if ours == theirs:
        return ""
    sentence = _("Stripe recorded the tax of %(reference)s as %(tax)s of %(amount)s, not as %(our_tax)s of %(ours)s.")
    return sentence % {
        "reference": recorded.reference,
        "tax": format_money(recorded.tax, recorded.currency),
        "amount": format_money(recorded.gross, recorded.currency),
        "our_tax": format_money(row.tax * sign, row.currency),
        "ours": format_money(row.amount * sign, row.currency),
    }
