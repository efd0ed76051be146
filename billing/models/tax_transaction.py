"""What Stripe Tax is to record: sales, what refunds take back of them, and refunds that failed after all."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.invoice import Invoice
from billing.models.payment import Refund, StripeOperation, StripeOperationQuerySet


class TaxTransaction(StripeOperation):
    """A tax transaction at Stripe. `amount` includes `tax`; both are above zero for reversals, too.

    Stripe finds none by anything but its own id, and refuses a `reference` that it has: that is why none is recorded
    twice. `lines` are Stripe's ids of a sale's lines by our references; `parts` what a reversal takes back.
    """

    class Kind(models.TextChoices):
        TRANSACTION = "transaction", _("Sale")
        REVERSAL = "reversal", _("Refund")
        UNDO = "undo", _("Refund that failed")

    class Status(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        RECORDED = "recorded", _("Recorded")
        FAILED = "failed", _("Failed")

    kind = models.CharField(_("kind"), max_length=11, choices=Kind)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.REQUESTED)
    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="tax_transactions", verbose_name=_("invoice"))
    refund = models.ForeignKey(
        Refund, models.PROTECT, null=True, blank=True, related_name="tax_transactions", verbose_name=_("refund")
    )
    # The sale that a reversal takes back, the reversal that is undone.
    original = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="reversals", verbose_name=_("original")
    )
    calculation_id = models.CharField(_("calculation"), max_length=255, blank=True)
    reference = models.CharField(_("reference"), max_length=255, unique=True)
    stripe_id = models.CharField(_("Stripe's id"), max_length=255, null=True, blank=True, unique=True)
    tax = models.PositiveBigIntegerField(_("tax"))
    included = models.BooleanField(_("prices include tax"), default=False)
    parts = models.JSONField(default=dict, editable=False)
    lines = models.JSONField(default=dict, editable=False)
    # What Stripe has recorded is never changed: what agreed once is not compared again.
    compared_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: models.Manager["TaxTransaction"] = StripeOperationQuerySet["TaxTransaction"].as_manager()

    class Meta:
        verbose_name = _("tax transaction")
        verbose_name_plural = _("tax transactions")
        default_permissions = ()
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="taxtrans_due"),
            models.Index(fields=["id"], condition=Q(postponed=True), name="taxtrans_postponed"),
            models.Index(fields=["id"], condition=Q(compared_at=None), name="taxtrans_not_compared"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["invoice"], condition=Q(kind="transaction"), name="taxtrans_one_sale"),
            models.UniqueConstraint(
                fields=["refund", "kind"], condition=Q(refund__isnull=False), name="taxtrans_one_of_refund"
            ),
            models.CheckConstraint(
                condition=Q(kind="transaction", refund=None, original=None)
                | (~Q(kind="transaction") & Q(refund__isnull=False, original__isnull=False)),
                name="taxtrans_kind",
            ),
            models.CheckConstraint(
                condition=~Q(status="recorded") | Q(stripe_id__isnull=False), name="taxtrans_recorded_at_stripe"
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_id or self.reference

    @property
    def log_ids(self) -> dict[str, Any]:  # noqa: D102 - as of every operation
        return {"tax_transaction_id": self.pk, "order": self.invoice.reference}
