"""What each refund gives back of its invoice's lines, their taxes and the shipping, and what is left of them.

Every function runs in the transaction of its caller, who holds the order's lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from billing.models import Invoice, InvoiceLine, InvoiceTax, Refund, RefundAllocation
from ecommerce.pricing.refunds import Cells, OrderCells, refund_of_amount

# All that is left of the invoices of payments, for as many refunds as a slice of a bulk job has, in one statement.
ALLOCATE_ALL_LEFT = """
WITH whole AS (
    SELECT r.id AS refund_id, p.invoice_id FROM billing_refund r JOIN billing_payment p ON p.id = r.payment_id
    WHERE r.id = ANY(%s)
)
INSERT INTO billing_refundallocation (refund_id, invoice_line_id, invoice_tax_id, quantity, amount)
SELECT w.refund_id, l.id, NULL::bigint, l.quantity - l.refunded_quantity,
       l.amount - l.discount - CASE WHEN l.prices_include_tax THEN l.tax ELSE 0 END - l.refunded AS amount
FROM whole w JOIN billing_invoiceline l ON l.invoice_id = w.invoice_id
WHERE l.refunded_quantity < l.quantity
   OR l.refunded < l.amount - l.discount - CASE WHEN l.prices_include_tax THEN l.tax ELSE 0 END
UNION ALL
SELECT w.refund_id, t.line_id, t.id, 0, t.amount - t.refunded
FROM whole w JOIN billing_invoicetax t ON t.invoice_id = w.invoice_id WHERE t.refunded < t.amount
UNION ALL
SELECT w.refund_id, NULL, NULL, 0,
       i.shipping - CASE WHEN i.prices_include_tax THEN i.shipping_tax ELSE 0 END - i.shipping_refunded
FROM whole w JOIN billing_invoice i ON i.id = w.invoice_id
WHERE i.shipping_refunded < i.shipping - CASE WHEN i.prices_include_tax THEN i.shipping_tax ELSE 0 END
"""


@dataclass(frozen=True, slots=True)
class InvoiceCells:
    """The lines of an invoice, and its taxes by the key of their line; None has those of the shipping."""

    invoice: Invoice
    lines: Sequence[InvoiceLine]
    taxes: dict[int | None, list[InvoiceTax]]

    @property
    def left(self) -> OrderCells:
        """What may still be given back, line by line."""
        items = tuple(
            Cells(
                goods=line.net - line.refunded,
                taxes=self._taxes_left(line.pk),
                units=line.quantity - line.refunded_quantity,
            )
            for line in self.lines
        )
        goods = self.invoice.shipping_net - self.invoice.shipping_refunded
        return OrderCells(items=items, shipping=Cells(goods=goods, taxes=self._taxes_left(None)))

    def _taxes_left(self, line_id: int | None) -> tuple[int, ...]:
        return tuple(tax.amount - tax.refunded for tax in self.taxes.get(line_id, ()))

    def given_back_by(self, refund: Refund) -> OrderCells:
        """What a refund of this invoice gives back, line by line."""
        amounts: dict[tuple[int | None, int | None], int] = {}
        units: dict[int | None, int] = {}
        for each in refund.allocations.all():
            amounts[each.invoice_line_id, each.invoice_tax_id] = each.amount
            units[each.invoice_line_id] = units.get(each.invoice_line_id, 0) + each.quantity

        def cells(line_id: int | None) -> Cells:
            taxes = tuple(amounts.get((line_id, tax.pk), 0) for tax in self.taxes.get(line_id, ()))
            return Cells(goods=amounts.get((line_id, None), 0), taxes=taxes, units=units.get(line_id, 0))

        return OrderCells(items=tuple(cells(line.pk) for line in self.lines), shipping=cells(None))

    def allocations(self, refund: Refund, back: OrderCells) -> list[RefundAllocation]:
        """The unsaved allocations by which a refund gives back `back`."""
        rows = []
        lines = [line.pk for line in self.lines]
        for line_id, cells in [*zip(lines, back.items, strict=True), (None, back.shipping)]:
            if cells.goods or cells.units:
                rows.append(_allocation(refund, line_id, None, cells.goods, cells.units))
            taxes = zip(self.taxes.get(line_id, ()), cells.taxes, strict=True)
            rows += [_allocation(refund, line_id, tax.pk, amount) for tax, amount in taxes if amount]
        return rows


def _allocation(
    refund: Refund, line_id: int | None, tax_id: int | None, amount: int, quantity: int = 0
) -> RefundAllocation:
    return RefundAllocation(
        refund=refund, invoice_line_id=line_id, invoice_tax_id=tax_id, amount=amount, quantity=quantity
    )


def read_cells(invoice: Invoice) -> InvoiceCells:
    """Read what an invoice charges and what was given back of it; two queries, three for a stale invoice."""
    invoice.refresh_from_db(fields=["shipping_refunded"])
    taxes: dict[int | None, list[InvoiceTax]] = {}
    for tax in invoice.taxes.order_by("pk"):
        taxes.setdefault(tax.line_id, []).append(tax)
    return InvoiceCells(invoice, list(invoice.lines.order_by("pk")), taxes)


def allocate(refund: Refund, back: OrderCells, cells: InvoiceCells) -> None:
    """Write what a refund gives back; the database refuses more than is left of any of it."""
    RefundAllocation.objects.bulk_create(cells.allocations(refund, back))


def allocate_all_left(refunds: Sequence[Refund]) -> None:
    """Write that each refund gives back all that is left of its payment's invoice."""
    with connection.cursor() as cursor:
        cursor.execute(ALLOCATE_ALL_LEFT, [[refund.pk for refund in refunds]])


def allocate_amount(refund: Refund, *, like: Refund | None = None) -> None:
    """Write what a refund gives back, where only the amount is known.

    The same as the failed refund `like`, if that is as much and still left; else all, or an amount of what is left.
    """
    cells = read_cells(refund.payment.invoice)
    left = cells.left
    back = cells.given_back_by(like) if like else None
    if back is None or back.total != refund.given_back or not left.holds(back):
        whole = refund.given_back == refund.payment.amount
        back = left if whole else refund_of_amount(left, refund.given_back, currency=refund.currency)
    allocate(refund, back, cells)


def ensure_allocated(refund: Refund) -> None:
    """Allocate a refund that was made at Stripe's dashboard, or that Stripe made after it had failed here."""
    if refund.status != Refund.Status.FAILED and not refund.allocations.exists():
        allocate_amount(refund)


def free(refund: Refund) -> None:
    """Delete what a refund gives back, whose amount was changed."""
    refund.allocations.all().delete()
