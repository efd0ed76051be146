"""Exporting: one worker writes the whole file anew, and publishes it once it is complete."""

import logging
import secrets
import time
from datetime import datetime, timedelta

import psycopg
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from ecommerce.bulk_jobs import leases, permissions
from ecommerce.exports import orders, storage
from ecommerce.models import BulkJob

logger = logging.getLogger(__name__)
Status = BulkJob.Status

SILENT = timedelta(seconds=30)  # a worker tells of itself each second; one that is silent so long is dead
KEPT = timedelta(days=7)
GONE = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)


class ExportStopped(Exception):
    """The job was stopped, or another worker took it over."""


def run_export(job_id: int) -> None:
    """Write the file of an export, if nobody else does."""
    job = _claim(job_id, at=timezone.now())
    if job:
        writing = ExportWriter(job)
        try:
            writing.write()
        except ExportStopped:
            writing.clear_up()
        except psycopg.errors.DiskFull as error:
            writing.fail(error)
        except GONE:
            raise
        except Exception as error:
            logger.exception("Writing the file of %s failed.", job)
            writing.fail(error)


def _claim(job_id: int, *, at: datetime) -> BulkJob | None:
    with transaction.atomic():
        silent = Q(beat_at=None) | Q(beat_at__lte=at - SILENT) | Q(status=Status.QUEUED)
        rows = BulkJob.objects.select_for_update(no_key=True).filter(silent, pk=job_id, status__in=leases.OPEN)
        job = rows.first()
        if job is None:
            return None
        _discard(job)
        job.selection = {**job.selection, "writing": f"orders/job-{job.pk}-{secrets.token_hex(8)}.csv"}
        job.beat_at, job.started_at, job.file_rows = at, job.started_at or at, 0
        if job.status == Status.QUEUED:
            job.status = Status.RUNNING
        job.save(update_fields=["selection", "beat_at", "started_at", "file_rows", "status"])
    return job


def _discard(job: BulkJob) -> None:
    """Remove what a worker left behind that did not live to complete its file."""
    name = job.selection.get("writing")
    if name:
        storage.delete([name])


class ExportWriter:
    """One attempt at one file. Everything it says of itself holds only while the job still names this very file."""

    def __init__(self, job: BulkJob) -> None:
        self.job = job
        self.name: str = job.selection["writing"]
        self.rows = 0
        self.told_at = 0.0

    def write(self) -> None:
        """Write the file and publish it."""
        self.tell(0)
        kept = storage.storage().save(
            self.name, storage.StreamedFile(orders.order_rows(self.job, self.tell), self.name)
        )
        self.told_at = 0.0
        self.tell(self.rows)
        with transaction.atomic():
            now = timezone.now()
            published = self._ours().update(
                status=Status.SUCCEEDED, file=kept, file_rows=self.rows, finished_at=now, beat_at=now
            )
            if not published:
                raise ExportStopped
            self.job.slices.update(done=Coalesce(F("order_ids__len"), 0), next_attempt_at=None)

    def _ours(self) -> QuerySet[BulkJob]:
        return BulkJob.objects.filter(pk=self.job.pk, status=Status.RUNNING, selection__writing=self.name)

    def tell(self, rows: int) -> None:
        """Say once a second how far it is; raise Halted where it should not go on."""
        self.rows = rows
        if time.monotonic() - self.told_at < 1:
            return
        self.told_at = time.monotonic()
        why = permissions.missing_permission(self.job)
        if why:
            self._ours().update(status=Status.STOPPING, message=why)
        if not self._ours().update(beat_at=timezone.now(), file_rows=rows):
            raise ExportStopped

    def clear_up(self) -> None:
        """Remove what was written, and end a job that was to stop."""
        storage.delete([self.name])
        stopping = BulkJob.objects.filter(pk=self.job.pk, status=Status.STOPPING, selection__writing=self.name)
        stopping.update(status=Status.STOPPED, finished_at=timezone.now(), file_rows=0)

    def fail(self, error: Exception) -> None:
        """End the job, since the file can't be written."""
        storage.delete([self.name])
        why = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        sentence = _("The file could not be written: %(why)s. Once that is mended, retry.") % {"why": why.rstrip(".")}
        with transaction.atomic():
            if self._ours().update(status=Status.FAILED, message=sentence, finished_at=timezone.now(), file_rows=0):
                self.job.slices.update(failed=Coalesce(F("order_ids__len"), 0), next_attempt_at=None)


def remove_old(*, at: datetime) -> int:
    """Remove the files of exports that are over for a week; give how many."""
    old = BulkJob.objects.filter(finished_at__lte=at - KEPT).exclude(file="")
    for job in old:
        storage.delete([job.file])
        BulkJob.objects.filter(pk=job.pk).update(file="")
    return len(old)
