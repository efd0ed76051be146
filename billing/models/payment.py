"""Payments and refunds: operations written before they are sent to Stripe, and their results."""

import uuid
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from billing.models.card import Card
from billing.models.invoice import Invoice
from billing.money import supported
from customers.actors import ByActor

OperationT = TypeVar("OperationT", bound="StripeOperation")


class StripeOperationQuerySet(models.QuerySet[OperationT]):
    """Row locks for payments and refunds."""

    def locked(self) -> Self:
        """Lock the rows once evaluated, in the order of their primary keys."""
        return self.order_by("pk").select_for_update(of=("self",))


class StripeOperation(models.Model):
    """A charge or a refund that Stripe must execute exactly once, however often it is sent.

    `next_attempt_at` is empty once there is nothing left to do automatically; while a process holds the lease, it lies
    ahead. `attention` is why staff must look at it.
    """

    # In the metadata of the object at Stripe, where a later attempt finds what an earlier one created.
    uuid = models.UUIDField(_("our id"), default=uuid.uuid4, unique=True, editable=False)
    # Part of the idempotency key. Rises only after a received 5xx, which Stripe would replay under the same key.
    generation = models.PositiveSmallIntegerField(default=0, editable=False)
    # Frozen on the first attempt: the same key with other parameters is an error at Stripe.
    params = models.JSONField(_("parameters sent"), default=dict, editable=False)
    attempts = models.PositiveIntegerField(_("attempts"), default=0, editable=False)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True, db_default=Now(), editable=False)
    amount = models.PositiveBigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3, choices=supported)
    failure_code = models.CharField(_("failure code"), max_length=100, blank=True)
    failure_message = models.TextField(_("failure"), blank=True)
    attention = models.TextField(_("needs attention"), blank=True)
    requested_at = models.DateTimeField(_("requested"), db_default=Now(), editable=False)
    # The last attempt received Stripe's own 5xx, so that the next one needs another generation.
    answered_5xx = models.BooleanField(default=False, editable=False)
    # It waits for Stripe to answer again: whoever gets through to Stripe first has all of these tried at once.
    postponed = models.BooleanField(db_default=False, default=False, editable=False)
    # How often Stripe's answer was of no kind that the program knows; after a few times users decide.
    unexpected = models.PositiveSmallIntegerField(db_default=0, default=0, editable=False)
    # 23 hours later nothing is posted again automatically: Stripe may have forgotten the idempotency key.
    first_sent_at = models.DateTimeField(_("first sent"), null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True, editable=False)

    leased_at: datetime  # the database's time, on rows that `leases.claim` returned

    class Meta:
        abstract = True

    @property
    def log_ids(self) -> dict[str, Any]:
        """What lines of the log carry that are about it: its id, and its order's number."""
        raise NotImplementedError

    @property
    def idempotency_key(self) -> str:
        """Under this key Stripe executes the operation once, and replays its response for 24 hours."""
        return f"{self.uuid}-{self.generation}"


class Payment(StripeOperation):
    """A charge of one invoice, by a PaymentIntent."""

    class Status(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        PROCESSING = "processing", _("Being confirmed")
        REQUIRES_ACTION = "requires_action", _("Needs authentication")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")

    class Dispute(models.TextChoices):
        OPEN = "open", _("Open")
        WON = "won", _("Won")
        LOST = "lost", _("Lost")

    class Review(models.TextChoices):
        OPEN = "open", _("Open")
        CLOSED = "closed", _("Closed")

    invoice = models.ForeignKey(Invoice, models.PROTECT, related_name="payments", verbose_name=_("invoice"))
    by_customer = models.BooleanField(_("by the customer"), default=False, editable=False)
    card = models.ForeignKey(Card, models.PROTECT, null=True, blank=True, verbose_name=_("card"))
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.REQUESTED)
    # The sum of its refunds that have not failed, kept by a trigger, so that the CHECK below holds under concurrency.
    refunds = models.PositiveBigIntegerField(_("refunded"), default=0, editable=False)
    # What was kept of those refunds as fees, kept by the same trigger.
    fees = models.PositiveBigIntegerField(_("fees kept"), default=0, db_default=0, editable=False)
    stripe_payment_intent_id = models.CharField(
        _("Stripe payment intent"), max_length=255, null=True, blank=True, unique=True
    )
    # The latest: every attempt by another card makes one more.
    stripe_charge_id = models.CharField(_("Stripe charge"), max_length=255, blank=True, default="", db_default="")
    decline_code = models.CharField(_("decline code"), max_length=100, blank=True)
    client_secret = models.CharField(max_length=255, blank=True, editable=False)
    # Afterwards the intent is canceled, which gives back stock and coupon.
    authenticate_within = models.DurationField(
        _("time to authenticate"), default=timedelta(hours=24), db_default=timedelta(hours=24), editable=False
    )
    cancel_requested_at = models.DateTimeField(_("cancellation requested"), null=True, blank=True, editable=False)
    # Set while a dispute is open or lost; empty again once it is won.
    disputed_at = models.DateTimeField(_("disputed"), null=True, blank=True)
    dispute = models.CharField(_("dispute"), max_length=10, choices=Dispute, blank=True)
    dispute_reason = models.CharField(_("reason of the dispute"), max_length=100, blank=True)
    stripe_dispute_id = models.CharField(_("Stripe dispute"), max_length=255, blank=True)
    # When an open dispute is looked up again; empty where none is open, or its time is past.
    dispute_check_at = models.DateTimeField(null=True, blank=True, editable=False)

    # By Stripe Radar: the latest one. Its reason is that of its opening, then that of its end.
    review = models.CharField(_("review"), max_length=10, choices=Review, blank=True, default="", db_default="")
    review_reason = models.CharField(
        _("reason of the review"), max_length=50, blank=True, default="", db_default="", editable=False
    )
    stripe_review_id = models.CharField(_("Stripe review"), max_length=255, blank=True, default="", db_default="")
    reviewed_at = models.DateTimeField(_("review opened"), null=True, blank=True, editable=False)
    # When an open review is looked up again; empty where none is open, or its time is past.
    review_check_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: models.Manager["Payment"] = StripeOperationQuerySet["Payment"].as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        permissions = [("refund_payment", _("Can refund payments"))]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False, closed_at=None),
                name="payment_open_due",
            ),
            models.Index(fields=["status", "id"], condition=~Q(status="succeeded"), name="payment_not_succeeded"),
            models.Index(fields=["id"], condition=Q(postponed=True), name="payment_postponed"),
            models.Index(
                fields=["dispute_check_at"], condition=Q(dispute_check_at__isnull=False), name="payment_dispute_due"
            ),
            models.Index(
                fields=["review_check_at"], condition=Q(review_check_at__isnull=False), name="payment_review_due"
            ),
            models.Index(
                OpClass(F("stripe_charge_id"), name="varchar_pattern_ops"),
                condition=~Q(stripe_charge_id=""),
                name="payment_charge",
            ),
            models.Index(fields=["amount"], name="payment_amount_search"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["invoice"], condition=~Q(status="failed"), name="payment_one_live"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount"),
            models.CheckConstraint(condition=Q(refunds__lte=F("amount") - F("fees")), name="payment_refunds"),
            models.CheckConstraint(
                condition=~Q(status="succeeded") | Q(stripe_payment_intent_id__isnull=False),
                name="payment_succeeded_at_stripe",
            ),
            # With it a browser confirms the payment: nobody needs it once the payment is closed.
            models.CheckConstraint(
                condition=Q(client_secret="") | Q(status="requires_action"), name="payment_secret_while_needed"
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_payment_intent_id or str(self.uuid)

    @property
    def log_ids(self) -> dict[str, Any]:  # noqa: D102 - as above
        return {"payment_id": self.pk, "order": self.invoice.reference}

    @property
    def refundable(self) -> int:
        """What may still be refunded, in the currency's minor unit."""
        return self.amount - self.refunds - self.fees


class Refund(StripeOperation, ByActor):
    """Money sent back to the card, or recorded as settled outside Stripe. Failed ones don't count as refunded.

    It gives back `amount` and `fees`, and keeps the fees, which are `RefundFee` rows. One of fees alone sends nothing.
    """

    class Status(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        PENDING = "pending", _("Pending")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refund_set", verbose_name=_("payment"))
    reason = models.TextField(_("reason"), blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.REQUESTED)
    stripe_refund_id = models.CharField(_("Stripe refund"), max_length=255, null=True, blank=True, unique=True)
    # The failed refund that this one replaces.
    instead_of = models.OneToOneField(
        "self", models.PROTECT, null=True, blank=True, related_name="replacement", verbose_name=_("instead of")
    )
    fees = models.PositiveBigIntegerField(_("fees kept"), default=0, db_default=0)
    settled_outside = models.BooleanField(_("settled outside Stripe"), default=False)
    note = models.TextField(_("note"), blank=True)

    objects: models.Manager["Refund"] = StripeOperationQuerySet["Refund"].as_manager()

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(next_attempt_at__isnull=False, closed_at=None),
                name="refund_open_due",
            ),
            models.Index(fields=["status", "id"], condition=~Q(status="succeeded"), name="refund_not_succeeded"),
            models.Index(fields=["requested_at"], include=["currency", "amount", "status"], name="refund_given"),
            models.Index(fields=["id"], condition=Q(postponed=True), name="refund_postponed"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0) | Q(fees__gt=0), name="refund_amount"),
            models.CheckConstraint(
                condition=~Q(status__in=["pending", "succeeded"])
                | Q(stripe_refund_id__isnull=False)
                | Q(settled_outside=True)
                | Q(amount=0),
                name="refund_done_at_stripe",
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_refund_id or str(self.uuid)

    @property
    def log_ids(self) -> dict[str, Any]:  # noqa: D102 - as above
        return {"refund_id": self.pk, **self.payment.log_ids}

    @property
    def given_back(self) -> int:
        """What its allocations add up to: the money sent, and the fees kept of it."""
        return self.amount + self.fees
