"""What refunds give back of each line, its taxes, and the shipping; and the fees that are kept of it."""

from django.db import models
from django.db.models import F, Q
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


class RefundFee(models.Model):
    """What is kept of a refund, with its tax, in the minor unit: for restocking, or postage.

    `rate` in percent and `category` of EN 16931 are those of `invoice_tax`, the tax of the sale by which it is taxed; a
    fee that is not taxed has none, and is outside the scope of taxes (O). A trigger holds the sum to `Refund.fees`.
    """

    refund = models.ForeignKey(Refund, models.PROTECT, related_name="fee_rows")
    name = models.CharField(_("name"), max_length=100)
    amount = models.PositiveBigIntegerField(_("amount"))
    tax = models.PositiveBigIntegerField(_("tax"), default=0)
    rate = models.DecimalField(_("rate"), max_digits=7, decimal_places=4, default=0)
    category = models.CharField(_("category"), max_length=2, default="O")
    invoice_tax = models.ForeignKey(InvoiceTax, models.PROTECT, null=True, related_name="+", db_index=False)

    class Meta:
        verbose_name = _("fee of a refund")
        verbose_name_plural = _("fees of refunds")
        default_permissions = ()
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, tax__lt=F("amount")), name="refund_fee_amount"),
            models.CheckConstraint(condition=Q(invoice_tax__isnull=False) | Q(tax=0, rate=0), name="refund_fee_tax"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def net(self) -> int:
        """The fee without its tax."""
        return self.amount - self.tax
