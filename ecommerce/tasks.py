"""Celery's side: short tasks that find their work in rows, safe to run twice, early or late."""

import time

from celery import shared_task
from django.db.models import QuerySet
from django.utils import timezone

from billing.models import Payment, Refund
from billing.tasks import ring
from ecommerce.jobs import claiming, working
from ecommerce.models import BulkJob, BulkJobItem, OrderAct
from ecommerce.orders import settling

__all__ = ["ring", "ring_job", "settle_act", "sweep", "work_job"]

SWEEP_SECONDS = 12  # less than the 15 between two sweeps
TURN_SECONDS = 20  # at a job, until other tasks have theirs


@shared_task(name="ecommerce.settle_act")
def settle_act(*, act_id: int) -> None:
    """Settle what an act waits for, if anything still."""
    act = OrderAct.objects.filter(pk=act_id, closed_at=None).first()
    if act:
        settling.settle_act(act=act, at=timezone.now())


@shared_task(name="ecommerce.work_job")
def work_job(*, job_id: int) -> None:
    """Work on a job for a while, and ring again if more is to be done."""
    if working.work(job_id=job_id, seconds=TURN_SECONDS):
        ring(work_job, job_id=job_id)


def ring_job(job: BulkJob) -> None:
    """Call the workers of a job: two where only the database sets the pace, one where Stripe does."""
    for _worker in range(2 if job.action == BulkJob.Action.FULFILL else 1):
        ring(work_job, job_id=job.pk)


@shared_task(name="ecommerce.sweep")
def sweep() -> None:
    """Settle what nobody rang for, or what had no answer yet; call a worker to each job that has none."""
    for job in claiming.unattended(at=timezone.now()):
        ring(work_job, job_id=job.pk)
    until = time.monotonic() + SWEEP_SECONDS
    for payment_id in due(Payment.objects.all()):
        if time.monotonic() < until:
            settling.settle_payment(payment_id=payment_id, at=timezone.now())
    of_jobs = BulkJobItem.objects.filter(status=BulkJobItem.Status.WORKING, job__status__in=claiming.OPEN)
    for refund_id in due(Refund.objects.exclude(act__in=of_jobs.values("act"))):
        if time.monotonic() < until:
            settling.settle_refund(refund_id=refund_id, at=timezone.now())


def due(wishes: QuerySet[Payment] | QuerySet[Refund]) -> list[int]:
    """Give the ids of wishes that may be tried now, the oldest first, as many as one sweep can look at."""
    rows = wishes.filter(due__lte=timezone.now(), closed_at=None).order_by("due")
    return list(rows.values_list("pk", flat=True)[:500])
