"""Tracking files: what carriers say they took along. The rows are the queue; a Celery message only wakes a worker."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now, Upper
from django.utils.translation import gettext_lazy as _

from customers.actors import ByActor
from ecommerce.models.order import Order


def _token() -> str:
    return uuid.uuid4().hex


class TrackingLayout(models.Model):
    """Which column of a carrier's files holds what; `columns` has the headers by field."""

    carrier = models.CharField(_("carrier"), max_length=100, blank=True)
    columns = models.JSONField(_("columns"), default=dict)

    class Meta:
        verbose_name = _("layout of tracking files")
        verbose_name_plural = _("layouts of tracking files")
        default_permissions = ()
        constraints = [models.UniqueConstraint(Upper("carrier"), name="tracking_layout_carrier")]

    def __str__(self) -> str:
        return self.carrier


class TrackingFile(ByActor):
    """A file with tracking numbers. `token` names the upload in the storage until its rows were read.

    `accept_doubtful` is whether numbers that the carrier's check refuses are taken all the same, `notify` whether the
    customers are mailed.
    """

    class Status(models.TextChoices):
        MAPPING = "mapping", _("Columns to be named")
        READING = "reading", _("Being read")
        READY = "ready", _("Ready")
        APPLYING = "applying", _("Running")
        STOPPED = "stopped", _("Stopped")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    token = models.CharField(max_length=32, default=_token, unique=True)
    file_name = models.CharField(_("file"), max_length=200)
    carrier = models.CharField(_("carrier"), max_length=100, blank=True)
    headers = ArrayField(models.TextField(), default=list)
    columns = models.JSONField(default=dict)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.MAPPING)
    accept_doubtful = models.BooleanField(default=False)
    notify = models.BooleanField(default=True, db_default=True)
    message = models.TextField(blank=True)
    notes = models.JSONField(default=list)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    beat_at = models.DateTimeField(null=True, blank=True)
    # When a message for it was sent last; empty once a worker has taken it up.
    enqueued_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("tracking file")
        verbose_name_plural = _("tracking files")
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["beat_at"], condition=models.Q(status__in=("reading", "applying")), name="tracking_file_open"
            )
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_open(self) -> bool:
        """Whether a worker is at it, or will be."""
        return self.status in {self.Status.READING, self.Status.APPLYING}


class TrackingFileRow(models.Model):
    """A row of a file, what it says, and what became of it.

    `code` is what would be done, or was, or why nothing was (`tracking_files.words`), with its `detail`. `problem` is
    a sentence about the row alone; `doubt` one about its number, for which somebody may answer.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        DONE = "done", _("Done")
        SKIPPED = "skipped", _("Skipped")
        FAILED = "failed", _("Failed")

    # Neither has a foreign key constraint: to check a hundred thousand rows took longer than to write them.
    file = models.ForeignKey(TrackingFile, models.CASCADE, related_name="rows", db_index=False, db_constraint=False)
    number = models.PositiveIntegerField()
    cells = ArrayField(models.TextField())
    order_number = models.CharField(max_length=60, blank=True)
    tracking_number = models.CharField(max_length=100, blank=True)
    carrier = models.CharField(max_length=100, blank=True)
    sku = models.CharField(max_length=100, blank=True)
    quantity = models.PositiveIntegerField(null=True)
    problem = models.CharField(max_length=300, blank=True)
    doubt = models.CharField(max_length=300, blank=True)
    order = models.ForeignKey(
        Order, models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    code = models.CharField(max_length=20, blank=True, default="", db_default="")
    detail = models.TextField(blank=True, default="", db_default="")
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING, db_default=Status.PENDING)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["file", "number"], name="tracking_row_number")]
        indexes = [
            models.Index(fields=["file", "order"], condition=models.Q(status="pending"), name="tracking_row_pending"),
            # For erasing a person.
            models.Index(fields=["order"], condition=models.Q(order__isnull=False), name="tracking_row_order"),
        ]

    def __str__(self) -> str:
        return f"{self.file_id}/{self.number}"
