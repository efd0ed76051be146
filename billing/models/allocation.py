"""What refunds give back of each line, its taxes, and the shipping."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.invoice import InvoiceLine, InvoiceTax
from billing.models.payment import Refund


class RefundAllocation(models.Model):
    """What a refund gives back of one cell of its payment's invoice; amounts in the minor unit.

    A cell is the price without taxes of a line (or, where `invoice_line` is empty, of the shipping), or one of its
    taxes. `quantity` counts the units that the refund takes off a line, beside the price. A trigger adds it up on the
    cell, where a CHECK refuses more than the cell holds; the allocations of a failed refund don't count.
    """

    refund = models.ForeignKey(Refund, models.PROTECT, related_name="allocations")
    invoice_line = models.ForeignKey(InvoiceLine, models.PROTECT, null=True, related_name="+", db_index=False)
    invoice_tax = models.ForeignKey(InvoiceTax, models.PROTECT, null=True, related_name="+", db_index=False)
    quantity = models.PositiveIntegerField(_("quantity"), default=0)
    amount = models.PositiveBigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("allocation of a refund")
        verbose_name_plural = _("allocations of refunds")
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["refund", "invoice_line", "invoice_tax"], nulls_distinct=False, name="refund_cell_once"
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0) | Q(quantity__gt=0), name="refund_allocation_gives_something"
            ),
            models.CheckConstraint(
                condition=Q(quantity=0) | Q(invoice_line__isnull=False, invoice_tax=None),
                name="refund_allocation_quantity",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.invoice_tax or self.invoice_line or 'shipping'}"
