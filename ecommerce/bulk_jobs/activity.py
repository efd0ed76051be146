"""A job is one row of Activity, however many orders it works: each order's part is in its own history."""

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from backoffice.activity.origin import current_origin
from backoffice.activity.record import record
from backoffice.models import Activity
from customers.actors import Actor
from ecommerce.models import BulkJob

Act = Activity.Act


def record_job(job: BulkJob, act: Activity.Act, *, by: Actor) -> None:
    """Record it in the caller's transaction, with the address of the request that asked, if one did."""
    origin = current_origin()
    words = str(job.selection.get("words", ""))
    sentence = _("%(action)s %(total)s orders: %(words)s") if words else _("%(action)s %(total)s orders")
    note = sentence % {"action": capfirst(job.verb), "total": f"{job.total:,}", "words": words}
    kind = Activity.Kind.EXPORT if job.makes_file else Activity.Kind.JOB
    by_origin = by.origin(address=origin.address if origin else "")
    record(act=act, kind=kind, obj=job, note=f"{note}. {job.reason}" if job.reason else note, by=by_origin)
