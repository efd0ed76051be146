"""The banner over the orders list: the signed-in user's recent bulk jobs."""

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest

from ecommerce.admin.bulk_jobs.display import job_views
from ecommerce.bulk_jobs import leases
from ecommerce.models import BulkJob

SHOWN_FOR = timedelta(hours=24)
MAX_JOBS = 3
SESSION_KEY = "dismissed_jobs"
MAX_DISMISSED = 50  # job ids that a session remembers


def banner_context(request: HttpRequest) -> dict[str, Any]:
    recent = Q(status__in=leases.OPEN) | Q(created_at__gt=Now() - SHOWN_FOR)
    dismissed = request.session.get(SESSION_KEY, [])
    jobs = BulkJob.objects.filter(recent, by_user=request.user.pk).exclude(pk__in=dismissed).order_by("-pk")
    views = job_views(list(jobs[:MAX_JOBS]))
    return {
        "banner_jobs": views,
        "banner_is_live": any(view.is_open for view in views),
        "banner_next": request.GET.get("next") or request.get_full_path(),
    }


def dismiss_job(request: HttpRequest, job_id: int) -> None:
    request.session[SESSION_KEY] = [*request.session.get(SESSION_KEY, []), job_id][-MAX_DISMISSED:]
