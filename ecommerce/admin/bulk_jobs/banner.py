"""The strip over the orders list: what became of the jobs of whoever looks."""

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from ecommerce.admin.bulk_jobs.display import tell_all
from ecommerce.bulk_jobs import leases
from ecommerce.models import BulkJob

SHOWN = timedelta(hours=24)
MOST = 3
DISMISSED = "dismissed_jobs"
REMEMBERED = 50  # jobs that a session has put away


def banner(request: HttpRequest) -> dict[str, Any]:
    """Give what the strip's template shows: jobs that run, or ended lately and were not put away, the newest first."""
    lately = Q(status__in=leases.OPEN) | Q(created_at__gt=timezone.now() - SHOWN)
    dismiss = request.session.get(DISMISSED, [])
    jobs = BulkJob.objects.filter(lately, by_user=request.user.pk).exclude(pk__in=dismiss).order_by("-pk")
    told = tell_all(list(jobs[:MOST]))
    return {
        "strip_jobs": told,
        "strip_open": any(each.open for each in told),
        "strip_list": request.GET.get("next") or request.get_full_path(),
    }


def dismiss(request: HttpRequest, job_id: int) -> None:
    """Show a job no more on this person's strip."""
    request.session[DISMISSED] = [*request.session.get(DISMISSED, []), job_id][-REMEMBERED:]
