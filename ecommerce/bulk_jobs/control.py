"""Stopping, resuming and retrying a job. The caller enqueues `work_job` afterwards."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from customers.actors import Actor
from customers.models import User
from ecommerce.bulk_jobs import permissions
from ecommerce.bulk_jobs.activity import Act, record_job
from ecommerce.bulk_jobs.leases import OPEN
from ecommerce.bulk_jobs.selection import NewJob, copy_slices, start
from ecommerce.bulk_jobs.stopping import give_back_unsent_at_once
from ecommerce.models import BulkJob, BulkJobItem

Status = BulkJob.Status
FINAL = (Status.SUCCEEDED, Status.PARTIAL, Status.FAILED)


class BulkJobError(Exception):
    """The job's status or the user's permissions forbid it; the text is a sentence for the user."""


def stop(*, job_id: int, by: User) -> BulkJob:
    """Have a job stop: what was requested and not sent is given back, only calls in flight at Stripe end."""
    with transaction.atomic():
        job = _locked(job_id, by)
        if job.status not in {Status.QUEUED, Status.RUNNING}:
            raise BulkJobError(_("%(job)s is not running.") % {"job": job})
        job.status = Status.STOPPING
        job.message = _("Stopped by %(who)s.") % {"who": by}
        job.save(update_fields=["status", "message"])
        record_job(job, Act.STOPPED, by=Actor.staff(by))
    give_back_unsent_at_once(job_id)
    job.refresh_from_db()
    return job


def resume(*, job_id: int, by: User) -> BulkJob:
    """Let a stopped job go on, from now on with the permissions of the user who resumes it."""
    with transaction.atomic():
        job = _locked(job_id, by)
        if job.status not in {Status.STOPPED, Status.STOPPING}:
            raise BulkJobError(_("%(job)s was not stopped.") % {"job": job})
        _check_young(job)
        job.status = Status.QUEUED
        job.rights_of = by
        job.message, job.finished_at, job.beat_at, job.given_back = "", None, None, 0
        job.save(update_fields=["status", "rights_of", "message", "finished_at", "beat_at", "given_back"])
        # Attempts of before are no crashes of now: whatever was wrong has been looked into.
        job.slices.exclude(next_attempt_at=None).update(next_attempt_at=Now(), attempts=0)
        record_job(job, Act.RESUMED, by=Actor.staff(by))
    return job


def retry(*, job_id: int, by: User, at: datetime) -> BulkJob:
    """Create a job of the orders that failed in one that is over."""
    with transaction.atomic():
        job = _locked(job_id, by)
        _check_retry(job)
        selection = {"words": _("What failed in %(job)s") % {"job": job}}
        actor = Actor.staff(by)
        if _failed_as_a_whole(job):
            return _retry_file(job, selection, actor, at=at)
        failed = BulkJobItem.objects.filter(job=job, status=BulkJobItem.Status.FAILED)
        new_job = NewJob(
            action=BulkJob.Action(job.action),
            orders=failed,
            id_field="order_id",
            selection=selection,
            reason=job.reason,
            parameters=job.parameters,
            restock=job.restock,
            notify=job.notify,
            fulfill_despite_attention=job.fulfill_despite_attention,
            retry_of=job,
        )
        return start(new_job=new_job, by=actor, at=at)


def _failed_as_a_whole(job: BulkJob) -> bool:
    """Whether it is the file that could not be written, whatever the outcome of its orders."""
    if job.action == BulkJob.Action.INVOICES:
        return job.status == Status.FAILED and job.slices.filter(done__gt=0).exists()
    return job.action == BulkJob.Action.EXPORT and job.status == Status.FAILED


def _retry_file(job: BulkJob, selection: dict[str, str], actor: Actor, *, at: datetime) -> BulkJob:
    retry_job = BulkJob.objects.create(
        action=job.action,
        selection={**selection, "format": job.selection.get("format", "csv")},
        parameters=job.parameters,
        reason=job.reason,
        total=job.total,
        retry_of=job,
        created_at=at,
        rights_of_id=actor.user_id,
        **actor.columns,
    )
    copy_slices(source=job, target=retry_job)
    record_job(retry_job, Act.RETRIED, by=actor)
    return retry_job


def _check_retry(job: BulkJob) -> None:
    if job.status not in FINAL:
        raise BulkJobError(_("%(job)s is not over yet.") % {"job": job})
    _check_young(job)
    existing = job.retries.first()
    if existing:
        raise BulkJobError(_("%(retry)s retries this already.") % {"retry": existing})
    if not has_failures(job):
        raise BulkJobError(_("Nothing failed in %(job)s.") % {"job": job})


def ended_before(age: timedelta) -> QuerySet[BulkJob]:
    """Jobs that are removed after so long; nothing is begun with them any more."""
    return BulkJob.objects.filter(finished_at__lte=Now() - age).exclude(status__in=OPEN)


def _check_young(job: BulkJob) -> None:
    age = timedelta(days=settings.BULK_JOB_DAYS)
    if age and ended_before(age).filter(pk=job.pk).exists():
        # Some of its orders may be gone already.
        sentence = _("%(job)s ended more than %(days)s days ago and is about to be removed: select the orders anew.")
        raise BulkJobError(sentence % {"job": job, "days": age.days})


def has_failures(job: BulkJob) -> bool:
    """Whether there is anything that `retry` would do again."""
    if _failed_as_a_whole(job):
        return True
    return BulkJobItem.objects.filter(job=job, status=BulkJobItem.Status.FAILED).exists()


def _locked(job_id: int, by: User) -> BulkJob:
    job = BulkJob.objects.select_for_update(no_key=True).get(pk=job_id)
    if not permissions.has_permission(by, job.action):
        raise BulkJobError(_("You may not %(action)s orders.") % {"action": job.verb})
    return job
