"""Running an export: one worker writes the whole file, and publishes it once it is complete."""

import logging
import secrets
import time
from datetime import timedelta

import psycopg
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _

from backoffice import database_clock
from ecommerce.bulk_jobs import leases, permissions
from ecommerce.exports import orders, storage
from ecommerce.models import BulkJob

logger = logging.getLogger(__name__)
Status = BulkJob.Status

HEARTBEAT_INTERVAL = 1.0  # seconds
WORKER_TIMEOUT = timedelta(seconds=30)  # a worker silent for so long is dead
FILE_RETENTION = timedelta(days=7)
DATABASE_GONE = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)


class ExportStopped(Exception):
    """The job was stopped, or another worker took it over."""


def run_export(job_id: int) -> None:
    """Write the file, unless another worker is alive and at it."""
    job = _claim(job_id)
    if job:
        writer = ExportWriter(job)
        try:
            writer.write()
        except ExportStopped:
            writer.discard()
        except psycopg.errors.DiskFull as error:  # an OperationalError that a retry does not heal
            writer.fail(error)
        except DATABASE_GONE:
            raise  # the sweep starts it anew after WORKER_TIMEOUT
        except Exception as error:
            logger.exception("Writing the file of %s failed.", job)
            writer.fail(error)


def _claim(job_id: int) -> BulkJob | None:
    with transaction.atomic():
        free = Q(beat_at=None) | Q(beat_at__lte=Now() - WORKER_TIMEOUT) | Q(status=Status.QUEUED)
        rows = BulkJob.objects.select_for_update(no_key=True).filter(free, pk=job_id, status__in=leases.OPEN)
        job = rows.first()
        if job is None:
            return None
        _delete_abandoned(job)
        # A name of its own for each attempt: it also tells a worker that was taken over from the one that took over.
        job.selection = {**job.selection, "writing": f"orders/job-{job.pk}-{secrets.token_hex(8)}.csv"}
        now = database_clock.now()
        job.beat_at, job.started_at, job.file_rows = now, job.started_at or now, 0
        if job.status == Status.QUEUED:
            job.status = Status.RUNNING
        job.save(update_fields=["selection", "beat_at", "started_at", "file_rows", "status"])
    return job


def _delete_abandoned(job: BulkJob) -> None:
    """Delete the incomplete file of a worker that died."""
    name = job.selection.get("writing")
    if name:
        storage.delete([name])


class ExportWriter:
    """One attempt to write one file. Nothing is written to the job unless it still names this very file."""

    def __init__(self, job: BulkJob) -> None:
        self.job = job
        self.name: str = job.selection["writing"]
        self.rows = 0
        self.beat_at = float("-inf")

    def write(self) -> None:
        """Write the file and publish it; raises ExportStopped."""
        self.heartbeat(0)
        blocks = orders.order_rows(self.job, self.heartbeat)
        saved_as = storage.storage().save(self.name, storage.StreamedFile(blocks, self.name))
        # The storage may have taken long to finish: publish nothing without asking again.
        self._check_and_beat()
        with transaction.atomic():
            published = self._held().update(
                status=Status.SUCCEEDED, file=saved_as, file_rows=self.rows, finished_at=Now(), beat_at=Now()
            )
            if not published:
                raise ExportStopped
            self.job.slices.update(done=Coalesce(F("order_ids__len"), 0), next_attempt_at=None)

    def _held(self) -> QuerySet[BulkJob]:
        return BulkJob.objects.filter(pk=self.job.pk, status=Status.RUNNING, selection__writing=self.name)

    def heartbeat(self, rows: int) -> None:
        """Note the progress, at most once a second; raises ExportStopped."""
        self.rows = rows
        if time.monotonic() - self.beat_at >= HEARTBEAT_INTERVAL:
            self._check_and_beat()

    def _check_and_beat(self) -> None:
        self.beat_at = time.monotonic()
        reason = permissions.missing_permission(self.job)
        if reason:
            self._held().update(status=Status.STOPPING, message=reason)
        if not self._held().update(beat_at=Now(), file_rows=self.rows):
            raise ExportStopped

    def discard(self) -> None:
        """Delete the incomplete file, and end the job if it was to stop."""
        storage.delete([self.name])
        stopping = BulkJob.objects.filter(pk=self.job.pk, status=Status.STOPPING, selection__writing=self.name)
        stopping.update(status=Status.STOPPED, finished_at=Now(), file_rows=0)

    def fail(self, error: Exception) -> None:
        """Delete the unfinished file and end the job as failed, with the reason in words."""
        storage.delete([self.name])
        why = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        message = _("The file could not be written: %(why)s. Once that is mended, retry.") % {"why": why.rstrip(".")}
        with transaction.atomic():
            if self._held().update(status=Status.FAILED, message=message, finished_at=Now(), file_rows=0):
                self.job.slices.update(failed=Coalesce(F("order_ids__len"), 0), next_attempt_at=None)


def remove_old() -> int:
    """Remove the files of exports that ended FILE_RETENTION ago; return how many."""
    old = BulkJob.objects.filter(finished_at__lte=Now() - FILE_RETENTION).exclude(file="")
    for job in old:
        # The file first: a crash between the two leaves a name without a file, which the next run clears.
        storage.delete([job.file])
        BulkJob.objects.filter(pk=job.pk).update(file="")
    return len(old)
