"""Stop, resume and retry: what people do to a job. The interface rings afterwards."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from customers.models import User
from ecommerce.bulk_jobs import permissions
from ecommerce.bulk_jobs.selection import NewJob, copy_slices, start
from ecommerce.models import BulkJob, BulkJobItem

Status = BulkJob.Status
FINAL = (Status.SUCCEEDED, Status.PARTIAL, Status.FAILED)


class BulkJobError(Exception):
    """What can't be done to a job now; its text is a sentence for people."""


def stop(*, job_id: int, by: User) -> BulkJob:
    """Have a job stop: the slice at hand is brought to an end, and what is under way at Stripe."""
    with transaction.atomic():
        job = _locked(job_id, by)
        if job.status not in {Status.QUEUED, Status.RUNNING}:
            raise BulkJobError(_("%(job)s is not running.") % {"job": job})
        job.status = Status.STOPPING
        job.message = _("Stopped by %(who)s.") % {"who": by}
        job.save(update_fields=["status", "message"])
    return job


def resume(*, job_id: int, by: User, at: datetime) -> BulkJob:
    """Have a stopped job go on, from now on under the rights of whoever resumes it."""
    with transaction.atomic():
        job = _locked(job_id, by)
        if job.status not in {Status.STOPPED, Status.STOPPING}:
            raise BulkJobError(_("%(job)s was not stopped.") % {"job": job})
        job.status = Status.QUEUED
        job.rights_of = by
        job.message, job.finished_at, job.beat_at = "", None, None
        job.save(update_fields=["status", "rights_of", "message", "finished_at", "beat_at"])
        job.slices.exclude(next_attempt_at=None).update(next_attempt_at=at, attempts=0)
    return job


def retry(*, job_id: int, by: User, at: datetime) -> BulkJob:
    """Make a new job of the orders that failed in one that is over."""
    with transaction.atomic():
        job = _locked(job_id, by)
        _check_retry(job)
        words = {"words": _("What failed in %(job)s") % {"job": job}}
        actor = Actor.staff(by)
        if job.action == BulkJob.Action.EXPORT:
            return _export_again(job, words, actor, at=at)
        failed = BulkJobItem.objects.filter(job=job, status=BulkJobItem.Status.FAILED)
        wanted = NewJob(
            action=BulkJob.Action(job.action),
            orders=failed,
            ids="order_id",
            selection=words,
            reason=job.reason,
            restock=job.restock,
            retry_of=job,
        )
        return start(wanted=wanted, by=actor, at=at)


def _export_again(job: BulkJob, words: dict[str, str], actor: Actor, *, at: datetime) -> BulkJob:
    again = BulkJob.objects.create(
        action=job.action,
        selection=words,
        total=job.total,
        retry_of=job,
        created_at=at,
        rights_of_id=actor.user_id,
        **actor.columns,
    )
    copy_slices(again, of=job, at=at)
    return again


def _check_retry(job: BulkJob) -> None:
    if job.status not in FINAL:
        raise BulkJobError(_("%(job)s is not over yet.") % {"job": job})
    known = job.retries.first()
    if known:
        raise BulkJobError(_("%(retry)s retries this already.") % {"retry": known})
    if not failures(job):
        raise BulkJobError(_("Nothing failed in %(job)s.") % {"job": job})


def failures(job: BulkJob) -> bool:
    """Tell whether there is something to retry."""
    if job.action == BulkJob.Action.EXPORT:
        return bool(job.status == Status.FAILED)
    return BulkJobItem.objects.filter(job=job, status=BulkJobItem.Status.FAILED).exists()


def _locked(job_id: int, by: User) -> BulkJob:
    job = BulkJob.objects.select_for_update(no_key=True).get(pk=job_id)
    if not permissions.has_permission(by, job.action):
        sentence = _("You may not %(action)s orders.") % {"action": job.get_action_display().lower()}
        raise BulkJobError(sentence)
    return job
