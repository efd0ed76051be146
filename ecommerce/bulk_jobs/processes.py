"""How many processes work on one job at once: two at most, and one where Stripe or one file sets the pace."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from backoffice.process_leases import process_lease
from ecommerce.bulk_jobs import leases
from ecommerce.models import BulkJob

IN_DATABASE = [action for action in BulkJob.Action if BulkJob(action=action).is_in_database]


@contextmanager
def entered(job_id: int) -> Iterator[bool]:
    """Yield whether this process may work on the job; a further one may not while two do."""
    with ExitStack() as opened:
        if not (_take_place(opened, job_id, 1) or (_may_be_two(job_id) and _take_place(opened, job_id, 2))):
            yield False
            return
        BulkJob.objects.filter(pk=job_id).update(enqueued_at=None)
        yield True


def _take_place(opened: ExitStack, job_id: int, place: int) -> bool:
    return opened.enter_context(process_lease(f"job {job_id}, place {place}", lease=leases.WORKER_TIMEOUT))


def _may_be_two(job_id: int) -> bool:
    # A second one helps where the database sets the pace; else it takes over from one that does nothing any more.
    silent = leases.jobs_without_worker().filter(pk=job_id)
    return silent.exists() or BulkJob.objects.filter(pk=job_id, action__in=IN_DATABASE).exists()
