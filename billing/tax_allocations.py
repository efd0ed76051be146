"""What refunds give back, as Stripe Tax is told: their allocations, by the lines of the invoice."""

from collections import defaultdict
from collections.abc import Sequence

from billing.models import InvoiceLine, Refund, RefundAllocation
from billing.tax_transactions import Reversal, ReversedPart

SHIPPING = ""


def line_reference(number: int) -> str:
    """Name the line of this number, from 1, of an order and its invoice: in its calculation, and whenever refunded."""
    return f"L{number}"


def reversals_of(refunds: Sequence[Refund]) -> list[Reversal]:
    """Return what these refunds give back by their allocations, for `request_reversals`; in two statements.

    The lines must have been named by `line_reference` in the order of the invoice's.
    """
    cells = RefundAllocation.objects.filter(refund__in=[refund.pk for refund in refunds])
    names = _names_of_lines(refunds)
    goods: dict[tuple[int, str], int] = defaultdict(int)
    taxes: dict[tuple[int, str], int] = defaultdict(int)
    units: dict[tuple[int, str], int] = defaultdict(int)
    for cell in cells.select_related("invoice_tax").order_by("pk"):
        line_id = cell.invoice_tax.line_id if cell.invoice_tax else cell.invoice_line_id
        part = (cell.refund_id, names[line_id] if line_id else SHIPPING)
        (taxes if cell.invoice_tax else goods)[part] += cell.amount
        units[part] += cell.quantity
    parts: dict[int, list[ReversedPart]] = defaultdict(list)
    for refund_id, name in units:
        part = (refund_id, name)
        parts[refund_id].append(ReversedPart(reference=name, goods=goods[part], tax=taxes[part], quantity=units[part]))
    return [_reversal(refund, parts[refund.pk]) for refund in refunds]


def _reversal(refund: Refund, parts: Sequence[ReversedPart]) -> Reversal:
    shipping = next((part for part in parts if part.reference == SHIPPING), None)
    return Reversal(refund=refund, lines=[part for part in parts if part is not shipping], shipping=shipping)


def _names_of_lines(refunds: Sequence[Refund]) -> dict[int, str]:
    paid = InvoiceLine.objects.filter(invoice__payments__in={refund.payment_id for refund in refunds})
    numbers: dict[int, int] = defaultdict(int)
    names = {}
    for line_id, invoice_id in paid.order_by("pk").values_list("pk", "invoice_id"):
        numbers[invoice_id] += 1
        names[line_id] = line_reference(numbers[invoice_id])
    return names
