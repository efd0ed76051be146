"""Bulk jobs, their slices and items. The rows are the queue; a Celery message only wakes a worker."""

from collections.abc import Iterable

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from customers.actors import ByActor
from ecommerce.models.act import OrderAct
from ecommerce.models.order import Order


class BulkJob(ByActor):
    """One act on a selection of orders, frozen when it was confirmed; `selection` describes it.

    It runs with the permissions of `rights_of`: the user who confirmed it, or resumed it last.
    """

    class Action(models.TextChoices):
        EXPORT = "export", _("Export")
        FULFILL = "fulfill", _("Fulfill")
        CANCEL = "cancel", _("Cancel")
        RETURN = "return", _("Return")
        TAG = "tag", _("Tag")
        HOLD = "hold", _("Hold")
        RELEASE = "release", _("Release")
        ASSIGN = "assign", _("Assign")
        INVOICES = "invoices", _("Download invoices")

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        STOPPING = "stopping", _("Stopping")
        STOPPED = "stopped", _("Stopped")
        SUCCEEDED = "succeeded", _("Succeeded")
        PARTIAL = "partial", _("Partly done")
        FAILED = "failed", _("Failed")

    # One confirmation page makes one job, however often its button is pressed.
    confirmation = models.CharField(max_length=80, null=True, unique=True, editable=False)
    action = models.CharField(_("action"), max_length=10, choices=Action)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.QUEUED, db_index=True)
    selection = models.JSONField(_("selection"), default=dict)
    reason = models.TextField(_("reason"), blank=True)
    # What else its action needs: tags to add and remove, until when to hold, whom to assign, which file of invoices.
    parameters = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    restock = models.BooleanField(_("put back in stock"), default=True)
    # Orders that needed attention when the job was confirmed, and that are fulfilled all the same.
    fulfill_despite_attention = ArrayField(
        models.BigIntegerField(), default=list, db_default=[], blank=True, editable=False
    )
    notify = models.BooleanField(_("mail the customers"), default=False, db_default=False, editable=False)
    total = models.PositiveIntegerField(_("orders"))
    created_at = models.DateTimeField(_("created"), db_default=Now())
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    beat_at = models.DateTimeField(_("last worked on"), null=True, blank=True)
    # When a message for it was sent last; empty once a worker has taken it up.
    enqueued_at = models.DateTimeField(null=True, blank=True, editable=False)
    message = models.TextField(_("message"), blank=True)
    # Orders whose refund had been requested and not sent when the job was stopped: they are as before.
    given_back = models.PositiveIntegerField(_("given back"), default=0, db_default=0, editable=False)
    file = models.CharField(_("file"), max_length=300, blank=True)
    file_rows = models.PositiveIntegerField(_("rows in the file"), default=0)
    rights_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("rights of")
    )
    retry_of = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="retries")

    class Meta:
        verbose_name = _("bulk job")
        verbose_name_plural = _("bulk jobs")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(_("Bulk job %(id)s") % {"id": self.pk})

    @property
    def verb(self) -> str:
        """What it does to orders, as in "you may not fulfill orders"."""
        if self.action == self.Action.INVOICES:
            return gettext("download the invoices of")
        return str(self.get_action_display()).lower()

    @property
    def makes_file(self) -> bool:
        """Whether it ends with a file to download."""
        return self.action in {self.Action.EXPORT, self.Action.INVOICES}

    @property
    def calls_stripe(self) -> bool:
        """Whether Stripe sets the pace."""
        return self.action in {self.Action.CANCEL, self.Action.RETURN}

    @property
    def is_in_database(self) -> bool:
        """Whether neither Stripe nor one file sets the pace, so that two workers are quicker than one."""
        return not self.calls_stripe and self.action != self.Action.EXPORT

    @property
    def requested_by(self) -> str:
        """The label of the user who started the job, frozen when it was started."""
        return self.by_label


class BulkJobSlice(models.Model):
    """Some 500 orders of a job. `next_attempt_at` is null once each of its orders has an outcome.

    `attempts` counts the leases since a worker last finished one: more than a few mean that the slice kills workers.
    """

    job = models.ForeignKey(BulkJob, models.CASCADE, related_name="slices")
    number = models.PositiveIntegerField()
    order_ids = ArrayField(models.BigIntegerField())
    next_attempt_at = models.DateTimeField(null=True, blank=True, db_default=Now())
    attempts = models.PositiveSmallIntegerField(default=0)
    expanded_at = models.DateTimeField(null=True, blank=True)
    done = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["job", "next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="slice_due"
            )
        ]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="slice_number")]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.number}"


class BulkJobItemQuerySet(models.QuerySet["BulkJobItem"]):
    """The only way to write an item's outcome from outside the bulk jobs."""

    def waiting_for(self, acts: Iterable[OrderAct]) -> "models.QuerySet[BulkJobItem]":
        """Items whose outcome is that of one of these acts."""
        return self.filter(act__in=[act.pk for act in acts], status=BulkJobItem.Status.WORKING)

    def close_for(self, acts: Iterable[OrderAct], outcome: OrderAct.Outcome, *, reason: str) -> None:
        """Write the outcome of acts to the items that wait for them, in the transaction that changed the orders."""
        status = BulkJobItem.Status.DONE if outcome == OrderAct.Outcome.DONE else BulkJobItem.Status.FAILED
        # The slices' counters are the worker's: updated here, transactions that apply results would block each other.
        self.waiting_for(acts).update(status=status, reason=reason)


class BulkJobItem(models.Model):
    """One order of a job and its outcome, written in the transaction that changed the order.

    An item is working while its `act` is open. `attempts` counts the times it was started alone without an outcome.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        WORKING = "working", _("Working")
        DONE = "done", _("Done")
        SKIPPED = "skipped", _("Skipped")
        FAILED = "failed", _("Failed")

    # Its slice proves that the job exists.
    job = models.ForeignKey(BulkJob, models.CASCADE, related_name="items", db_index=False, db_constraint=False)
    slice = models.ForeignKey(BulkJobSlice, models.CASCADE, related_name="items")
    order = models.ForeignKey(Order, models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(_("outcome"), max_length=10, choices=Status, default=Status.PENDING)
    reason = models.TextField(_("reason"), blank=True)
    act = models.ForeignKey(OrderAct, models.PROTECT, null=True, blank=True, related_name="job_items", db_index=False)
    attempts = models.PositiveSmallIntegerField(default=0)

    objects = BulkJobItemQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["job", "order"], name="job_item_once")]
        indexes = [
            models.Index(fields=["act"], condition=Q(act__isnull=False), name="job_item_act"),
            models.Index(fields=["job", "status", "order"], name="job_item_outcome"),
        ]

    def __str__(self) -> str:
        return f"{self.job_id}: {self.order_id} {self.status}"
