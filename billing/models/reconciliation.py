"""Reconciliation: passes that compare our payments and refunds with Stripe's, and the differences found."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing.models.payment import Payment


class Reconciliation(models.Model):
    """One pass over all payments and refunds; `phase` and `after` (the last key compared) are where it resumes."""

    class Phase(models.TextChoices):
        CHARGES = "charges", _("Charges at Stripe")
        REFUNDS = "refunds", _("Refunds at Stripe")
        OUR_PAYMENTS = "our_payments", _("Payments here")
        OUR_REFUNDS = "our_refunds", _("Refunds here")
        DONE = "done", _("Done")

    phase = models.CharField(_("phase"), max_length=15, choices=Phase, default=Phase.CHARGES)
    after = models.CharField(max_length=255, blank=True)
    compared = models.PositiveIntegerField(_("compared"), default=0)
    settled = models.PositiveIntegerField(_("settled by itself"), default=0)
    started_at = models.DateTimeField(_("started"), default=timezone.now)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    # When a message for it was sent last; empty once a worker has taken it up.
    enqueued_at = models.DateTimeField(null=True, blank=True, editable=False)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("reconciliation")
        verbose_name_plural = _("reconciliations")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}"


class ComparedObject(models.Model):
    """An object at Stripe that a pass has compared with a row of ours; our rows without one are missing at Stripe."""

    reconciliation = models.ForeignKey(Reconciliation, models.CASCADE, related_name="+")
    stripe_id = models.CharField(max_length=255)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["reconciliation", "stripe_id"], name="seen_once")]

    def __str__(self) -> str:
        return self.stripe_id


class Difference(models.Model):
    """A payment or refund that is not the same here and at Stripe, for staff to look into. Kept once resolved."""

    class Kind(models.TextChoices):
        CHARGE_UNKNOWN = "charge_unknown", _("Charge that is not here")
        CHARGE_TWICE = "charge_twice", _("Charged twice")
        CHARGE_DIFFERS = "charge_differs", _("Charge differs")
        CHARGE_MISSING = "charge_missing", _("Charge missing at Stripe")
        REFUND_UNKNOWN = "refund_unknown", _("Refund that is not here")
        REFUND_DIFFERS = "refund_differs", _("Refund differs")
        REFUND_MISSING = "refund_missing", _("Refund missing at Stripe")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    stripe_id = models.CharField(_("at Stripe"), max_length=255)
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="differences", verbose_name=_("payment")
    )
    sentence = models.TextField(_("difference"))
    found_at = models.DateTimeField(_("found"), default=timezone.now)
    seen_at = models.DateTimeField(_("last seen"), default=timezone.now)
    resolved_at = models.DateTimeField(_("resolved"), null=True, blank=True)

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["kind", "stripe_id"], condition=Q(resolved_at=None), name="difference_once")
        ]
        indexes = [models.Index(fields=["payment"], condition=Q(resolved_at=None), name="difference_open")]

    def __str__(self) -> str:
        return self.sentence
