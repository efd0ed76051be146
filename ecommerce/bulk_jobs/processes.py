"""How many processes work on one job at once: two at most, and one where Stripe or one file sets the pace.

Each holds an advisory lock of PostgreSQL's, which ends with its connection: a killed process leaves nothing behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from backoffice.advisory_locks import LockSpace, release_session_lock, try_session_lock
from ecommerce.bulk_jobs import leases
from ecommerce.models import BulkJob

IN_DATABASE = [action for action in BulkJob.Action if BulkJob(action=action).is_in_database]


@contextmanager
def entered(job_id: int) -> Iterator[bool]:
    """Yield whether this process may work on the job; a further one may not while two do."""
    key = _free_place(job_id)
    if key is None:
        yield False
        return
    BulkJob.objects.filter(pk=job_id).update(enqueued_at=None)
    try:
        yield True
    finally:
        release_session_lock(LockSpace.JOB_PROCESS, key)


def _free_place(job_id: int) -> str | None:
    if try_session_lock(LockSpace.JOB_PROCESS, f"{job_id}/1"):
        return f"{job_id}/1"
    # A second one helps where the database sets the pace; else it takes over from one that does nothing any more.
    silent = leases.jobs_without_worker().filter(pk=job_id)
    may_be_two = silent.exists() or BulkJob.objects.filter(pk=job_id, action__in=IN_DATABASE).exists()
    if may_be_two and try_session_lock(LockSpace.JOB_PROCESS, f"{job_id}/2"):
        return f"{job_id}/2"
    return None
