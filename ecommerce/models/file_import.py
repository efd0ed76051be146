"""Imports of files. The rows are the queue; a Celery message only wakes a worker."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.actors import ByActor


def _token() -> str:
    return uuid.uuid4().hex


class FileImport(ByActor):
    """`token` names its files in the storage: the upload, and the plan that the preview showed.

    `applied` counts the plan's changes that were worked through, `problems` what was refused meanwhile.
    """

    class Status(models.TextChoices):
        CHECKING = "checking", _("Checking")
        REFUSED = "refused", _("Refused")
        READY = "ready", _("Ready")
        APPLYING = "applying", _("Running")
        DONE = "done", _("Done")
        STOPPED = "stopped", _("Stopped")
        FAILED = "failed", _("Failed")

    kind = models.CharField(max_length=20)
    token = models.CharField(max_length=32, default=_token, unique=True)
    file_name = models.CharField(_("file"), max_length=200)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.CHECKING)
    created_at = models.DateTimeField(_("created"), default=timezone.now)
    beat_at = models.DateTimeField(null=True, blank=True)
    # When a message for it was sent last; empty once a worker has taken it up.
    enqueued_at = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    applied = models.PositiveIntegerField(default=0)
    problems = models.JSONField(default=list)
    message = models.TextField(blank=True)

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        default_permissions = ()
        indexes = [
            models.Index(
                fields=["beat_at"], condition=models.Q(status__in=("checking", "applying")), name="import_open"
            )
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_open(self) -> bool:
        """Whether a worker is at it, or will be."""
        return self.status in {self.Status.CHECKING, self.Status.APPLYING}

    @property
    def changes(self) -> int:
        """How many rows the file creates or changes."""
        return self.new + self.updated
