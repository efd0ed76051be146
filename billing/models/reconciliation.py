"""Reconciliation: passes that compare our payments and refunds with Stripe's, and the differences found."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from billing.models.payment import Payment


class Reconciliation(models.Model):
    """One pass over payments and refunds; `phase` and `after` (the last key compared) are where it resumes.

    `since` limits it to what was created at Stripe from then on. `newest_at` is Stripe's time of the newest object
    seen, where the next limited pass begins; `highest_order` and `highest_invoice` are the highest numbers seen.
    """

    class Phase(models.TextChoices):
        CHARGES = "charges", _("Charges at Stripe")
        REFUNDS = "refunds", _("Refunds at Stripe")
        DISPUTES = "disputes", _("Disputes at Stripe")
        OUR_PAYMENTS = "our_payments", _("Payments here")
        OUR_REFUNDS = "our_refunds", _("Refunds here")
        OUR_DISPUTES = "our_disputes", _("Disputes here")
        OUR_TAXES = "our_taxes", _("Tax transactions here")
        DIFFERENCES = "differences", _("Open differences")
        OWN_BOOKS = "own_books", _("Our own books")
        DONE = "done", _("Done")

    phase = models.CharField(_("phase"), max_length=15, choices=Phase, default=Phase.CHARGES)
    after = models.CharField(max_length=255, blank=True)
    compared = models.PositiveIntegerField(_("compared"), default=0)
    settled = models.PositiveIntegerField(_("settled by itself"), default=0)
    not_ours = models.PositiveIntegerField(_("not ours"), default=0)
    since = models.DateTimeField(_("since"), null=True, blank=True)
    newest_at = models.DateTimeField(null=True, blank=True)
    highest_order = models.PositiveBigIntegerField(default=0)
    highest_invoice = models.PositiveBigIntegerField(default=0)
    started_at = models.DateTimeField(_("started"), db_default=Now())
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True, db_default=Now())
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
    """Something that is not the same here and at Stripe, or among our own rows. Kept once ended.

    One open row for each object: `stripe_id` is its id at Stripe, or names the rule and the row of ours. `sentence` is
    what was found; a person's end ("not ours", "known") holds for as long as the same is found.
    """

    class Kind(models.TextChoices):
        CHARGE_UNKNOWN = "charge_unknown", _("Charge that is not here")
        CHARGE_TWICE = "charge_twice", _("Charged twice")
        CHARGE_DIFFERS = "charge_differs", _("Charge differs")
        CHARGE_MISSING = "charge_missing", _("Charge missing at Stripe")
        REFUND_UNKNOWN = "refund_unknown", _("Refund that is not here")
        REFUND_DIFFERS = "refund_differs", _("Refund differs")
        REFUND_MISSING = "refund_missing", _("Refund missing at Stripe")
        DISPUTE_UNKNOWN = "dispute_unknown", _("Dispute that is not here")
        DISPUTE_DIFFERS = "dispute_differs", _("Dispute differs")
        DISPUTE_MISSING = "dispute_missing", _("Dispute missing at Stripe")
        TAX_DIFFERS = "tax_differs", _("Tax transaction differs")
        TAX_MISSING = "tax_missing", _("Tax transaction missing at Stripe")
        NOT_JUDGED = "not_judged", _("Could not be compared")
        OWN_BOOKS = "own_books", _("Our books disagree")

    class Outcome(models.TextChoices):
        AGREES = "agrees", _("Agrees again")
        ADOPTED = "adopted", _("Adopted")
        REFUNDED = "refunded", _("Refunded")
        NOT_OURS = "not_ours", _("Not ours")
        KNOWN = "known", _("Known")

    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    stripe_id = models.CharField(_("object"), max_length=255)
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="differences", verbose_name=_("payment")
    )
    # What an unknown charge names in its metadata; the rule of our own books that is broken.
    order_number = models.CharField(_("order"), max_length=20, blank=True)
    invoice_number = models.CharField(_("invoice"), max_length=20, blank=True)
    rule = models.CharField(_("rule"), max_length=40, blank=True)
    sentence = models.TextField(_("difference"))
    found_at = models.DateTimeField(_("found"), db_default=Now())
    seen_at = models.DateTimeField(_("last seen"), db_default=Now())
    # The pass that saw it last: what a whole pass did not see again has ended.
    seen_in = models.PositiveBigIntegerField(default=0, editable=False)
    resolved_at = models.DateTimeField(_("ended"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    note = models.TextField(_("note"), blank=True)
    ended_by = models.CharField(_("ended by"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        default_permissions = ("view",)
        permissions = [("end_difference", _("Can end differences"))]
        constraints = [
            models.UniqueConstraint(fields=["stripe_id"], condition=Q(resolved_at=None), name="difference_one_open")
        ]
        indexes = [
            models.Index(fields=["payment"], condition=Q(resolved_at=None), name="difference_open"),
            models.Index(fields=["order_number"], condition=Q(resolved_at=None), name="difference_order"),
            models.Index(fields=["stripe_id"], condition=Q(resolved_at__isnull=False), name="difference_ended"),
        ]

    def __str__(self) -> str:
        return self.sentence


class RestoreGuard(models.Model):
    """Whether this database was restored from before, in two rows; `billing.restore` reads and writes them.

    MARKER is written once: PostgreSQL's own columns of it (its table's oid, its xmin) are others after any restore of a
    dump. STATE says what they were, since when placing and paying is refused, and when the last restore was settled.
    """

    STATE, MARKER = 1, 2

    identity = models.CharField(max_length=200, blank=True)
    # When the server was started, at the last look at Stripe: restoring a disk or failing over restarts it.
    server_started = models.CharField(max_length=60, blank=True)
    blocked_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    restored_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.reason or self.identity
