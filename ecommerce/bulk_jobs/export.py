"""Running an export: one worker writes the whole file, and publishes it once it is complete."""

import logging
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.translation import gettext as _

from backoffice import database_clock, file_storage, shutdown
from ecommerce.bulk_jobs import leases, permissions
from ecommerce.exports import orders
from ecommerce.models import BulkJob

logger = logging.getLogger(__name__)
Status = BulkJob.Status

HEARTBEAT_INTERVAL = 1.0  # seconds
UPLOAD_HEARTBEAT = 5.0  # seconds
WORKER_TIMEOUT = timedelta(seconds=30)  # a worker silent for so long is dead
DATABASE_GONE = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)


class ExportStopped(Exception):
    """The job was stopped, another worker took it over, or this worker is to end."""


def run_export(job_id: int) -> None:
    """Write the file of orders, unless another worker is alive and at it."""
    write_file(job_id, ExportWriter)


def write_file(job_id: int, writer_class: "type[ExportWriter]") -> None:
    """Write a job's file, unless another worker is alive and at it."""
    job = _claim(job_id)
    if job:
        writer = writer_class(job)
        try:
            with timezone.override(job.selection.get("zone")):  # of whoever asked for it; None: the shop's
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
        free |= Q(selection__writing__isnull=True)  # what beats is the part before the file
        rows = BulkJob.objects.select_for_update(no_key=True).filter(free, pk=job_id, status__in=leases.OPEN)
        job = rows.first()
        if job is None:
            return None
        # A name of its own for each attempt: it also tells a worker that was taken over from the one that took over.
        ending = job.parameters.get("file", "csv")
        name = f"orders/job-{job.pk}-{secrets.token_hex(8)}.{ending}"
        # Files of workers that died are deleted once the job is over: here a storage that hangs would hold the job.
        job.selection = {**job.selection, "writing": name, "unfinished": [*job.selection.get("unfinished", []), name]}
        now = database_clock.now()
        job.beat_at, job.started_at, job.file_rows = now, job.started_at or now, 0
        if job.status == Status.QUEUED:
            job.status = Status.RUNNING
        job.save(update_fields=["selection", "beat_at", "started_at", "file_rows", "status"])
    return job


def delete_unfinished(job_id: int) -> None:
    """Delete the files that a job began and did not finish; what can't be deleted now is deleted later."""
    job = BulkJob.objects.get(pk=job_id)
    names = [name for name in job.selection.get("unfinished", []) if name != job.file]
    left = file_storage.delete(names)
    with transaction.atomic():
        job = BulkJob.objects.select_for_update(no_key=True).get(pk=job_id)
        begun_since = [name for name in job.selection.get("unfinished", []) if name not in {*names, job.file}]
        job.selection = {**job.selection, "unfinished": [*left, *begun_since]}
        job.save(update_fields=["selection"])


@contextmanager
def beating(job: BulkJob) -> Iterator[None]:
    """Say that this worker is alive while it waits for the storage; its calls end by their time-outs."""
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(job, ended), name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _beat(job: BulkJob, ended: threading.Event) -> None:
    held = BulkJob.objects.filter(pk=job.pk, status__in=leases.OPEN, selection__writing=job.selection["writing"])
    while not ended.wait(UPLOAD_HEARTBEAT):
        try:
            held.update(beat_at=Now())
        except DATABASE_GONE:
            logger.warning("The heartbeat of %s could not be written.", job)
        finally:
            connection.close()


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
        with beating(self.job):
            saved_as = file_storage.storage().save(self.name, file_storage.StreamedFile(self.blocks(), self.name))
        # The storage may have taken long to finish: publish nothing without asking again.
        self._check_and_beat()
        with transaction.atomic():
            if not self._held().update(file=saved_as, file_rows=self.rows, beat_at=Now(), **self.published()):
                raise ExportStopped
            self.count_as("done")
        delete_unfinished(self.job.pk)

    def blocks(self) -> Iterator[bytes]:
        """Make what is in the file; raises ExportStopped."""
        return orders.order_rows(self.job, self.heartbeat)

    def published(self) -> dict[str, Any]:
        """Return what else becomes of the job with its file: it is over."""
        return {"status": Status.SUCCEEDED, "finished_at": Now()}

    def count_as(self, outcome: str) -> None:
        """Write the outcome of all orders: those of an export have no items."""
        self.job.slices.update(**{outcome: Coalesce(F("order_ids__len"), 0)}, next_attempt_at=None)

    def _held(self) -> QuerySet[BulkJob]:
        return BulkJob.objects.filter(pk=self.job.pk, status=Status.RUNNING, selection__writing=self.name)

    def heartbeat(self, rows: int) -> None:
        """Note the progress, at most once a second; raises ExportStopped."""
        self.rows = rows
        if time.monotonic() - self.beat_at >= HEARTBEAT_INTERVAL:
            self._check_and_beat()

    def _check_and_beat(self) -> None:
        self.beat_at = time.monotonic()
        if shutdown.has_begun():
            self._held().update(beat_at=None)  # the sweep has another worker begin anew
            raise ExportStopped
        reason = permissions.missing_permission(self.job)
        if reason:
            self._held().update(status=Status.STOPPING, message=reason)
        if not self._held().update(beat_at=Now(), file_rows=self.rows):
            raise ExportStopped

    def discard(self) -> None:
        """End the job if it was to stop, and delete the incomplete file."""
        # The job first: a storage that does not answer must not keep it from ending.
        stopping = BulkJob.objects.filter(pk=self.job.pk, status=Status.STOPPING, selection__writing=self.name)
        stopping.update(status=Status.STOPPED, finished_at=Now(), file_rows=0)
        delete_unfinished(self.job.pk)

    def fail(self, error: Exception) -> None:
        """End the job as failed, with the reason in words, or as stopped, and delete the unfinished file."""
        why = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
        message = _("The file could not be written: %(why)s. Once that is mended, retry.") % {"why": why.rstrip(".")}
        with transaction.atomic():
            if self._held().update(status=Status.FAILED, message=message, finished_at=Now(), file_rows=0):
                self.count_as("failed")
        self.discard()


def delete_all_unfinished() -> None:
    """Delete the unfinished files of all jobs that are over."""
    over = BulkJob.objects.filter(selection__unfinished__0__isnull=False).exclude(status__in=leases.OPEN)
    for job_id in over.values_list("pk", flat=True):
        delete_unfinished(job_id)


def with_old_file(age: timedelta) -> QuerySet[BulkJob]:
    """Jobs whose file was finished so long ago."""
    return BulkJob.objects.filter(finished_at__lte=Now() - age).exclude(file="")


def remove_old_files(age: timedelta) -> Iterator[int]:
    """Remove the files of jobs that ended so long ago, one by one; yield how many."""
    for job in with_old_file(age):
        # The file first: a crash between the two leaves a name without a file, which the next run clears.
        if not file_storage.delete([job.file]):
            yield BulkJob.objects.filter(pk=job.pk).update(file="")
