"""The bulk jobs in the staff admin: the list of all, the page of one, and what people may do to it."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet, Sum
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.list_tabs import Tab, Tabbed
from billing.templatetags.money import badge, moment
from ecommerce.admin.bulk_jobs.banner import banner, dismiss
from ecommerce.admin.bulk_jobs.display import JobView, buttons, doing, tell
from ecommerce.admin.bulk_jobs.items import item_page, outcome_of, tabs
from ecommerce.admin.display import when
from ecommerce.bulk_jobs import control, permissions
from ecommerce.exports.orders import outcome_rows
from ecommerce.exports.storage import storage
from ecommerce.models import BulkJob
from ecommerce.tasks import enqueue_job

LABELS = {
    "stop": gettext_lazy("Stop"),
    "resume": gettext_lazy("Resume"),
    "retry": gettext_lazy("Retry failed"),
}


@admin.register(BulkJob)
class BulkJobAdmin(Tabbed, ReadOnlyAdmin):
    """Who did what to many orders, when, and what became of it."""

    list_display = ("name", "what", "who", "when", "outcome", "state")
    list_display_links = ("name",)
    empty_words = gettext_lazy("Tick orders in their list and choose a mass action: what becomes of it is kept here.")
    tabs = (
        Tab(gettext_lazy("All")),
        Tab(gettext_lazy("Running"), Q(status__in=("queued", "running", "stopping")),
            (("status__in", "queued,running,stopping"),)),
        Tab(gettext_lazy("Stopped"), Q(status="stopped"), (("status__in", "stopped"),)),
        Tab(gettext_lazy("Not all done"), Q(status__in=("partial", "failed")), (("status__in", "partial,failed"),)),
    )  # fmt: skip

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Tell whether this person may see jobs: whoever may start one may see what becomes of it."""
        seeing = ("ecommerce.view_bulkjob", *permissions.PERMISSIONS.values())
        return any(request.user.has_perm(permission) for permission in seeing)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkJob]:
        """Add up the outcomes."""
        sums = {f"all_{name}": Sum(F(f"slices__{name}"), default=0) for name in ("done", "skipped", "failed")}
        jobs: QuerySet[BulkJob] = super().get_queryset(request).annotate(**sums)
        return jobs

    @column(gettext_lazy("job"))
    def name(self, job: BulkJob) -> str:
        """Give its name."""
        return str(job)

    @column(gettext_lazy("action"))
    def what(self, job: BulkJob) -> str:
        """Say what it does to how many."""
        return doing(job.action, job.total)

    @column(gettext_lazy("by"))
    def who(self, job: BulkJob) -> str:
        """Say who confirmed it."""
        return job.requested_by

    @column(gettext_lazy("when"))
    def when(self, job: BulkJob) -> SafeString | str:
        """Say when it was confirmed."""
        return moment(job.created_at)

    @column(gettext_lazy("outcome"))
    def outcome(self, job: Any) -> str:
        """Say what became of its orders."""
        counts = {"done": job.all_done, "skipped": job.all_skipped, "failed": job.all_failed}
        words = {"done": _("%s done"), "skipped": _("%s skipped"), "failed": _("%s failed")}
        return ", ".join(words[name] % f"{count:,}" for name, count in counts.items() if count) or "–"

    @column(gettext_lazy("status"))
    def state(self, job: BulkJob) -> SafeString:
        """Show the status."""
        return badge(job.status, job.get_status_display())

    def get_urls(self) -> list[URLPattern]:
        """Add what the pages and the strip need."""
        here = self.admin_site.admin_view
        own = [
            path("strip/", here(self.strip_view), name="ecommerce_bulkjob_strip"),
            path("<int:job_id>/dismiss/", here(require_POST(self.dismiss_view)), name="ecommerce_bulkjob_dismiss"),
            path("<int:job_id>/download/", here(self.download_view), name="ecommerce_bulkjob_download"),
            path("<int:job_id>/result.csv", here(self.result_view), name="ecommerce_bulkjob_result"),
            path("<int:job_id>/<str:act>/do/", here(require_POST(self.control_view)), name="ecommerce_bulkjob_control"),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a job; with `?fragment=progress` only how far it is."""
        if not self.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        job = self._job(int(object_id)) if object_id.isascii() and object_id.isdigit() else None
        if job is None:
            raise Http404
        told = tell(job)
        context = {
            "job": job,
            "told": told,
            "buttons": [(name, LABELS[name]) for name in buttons(job, request.user)],
        }
        if request.GET.get("fragment") == "progress":
            return TemplateResponse(request, "admin/ecommerce/bulkjob/progress.html", context)
        return self._page(request, context | self._details(request, told))

    def _page(self, request: HttpRequest, context: dict[str, Any]) -> TemplateResponse:
        request.current_app = self.admin_site.name
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "title": str(context["job"])}
        return TemplateResponse(request, "admin/ecommerce/bulkjob/change_form.html", {**frame, **context})

    def _details(self, request: HttpRequest, told: JobView) -> dict[str, Any]:
        job, outcome = told.job, outcome_of(request.GET)
        return {
            "original": job,
            "total": f"{job.total:,}",
            "created": when(job.created_at),
            "started": when(job.started_at) if job.started_at else "",
            "finished": when(job.finished_at) if job.finished_at else "",
            "retries": job.retries.order_by("pk"),
            "file": self._file(job),
            "tabs": tabs(told.progress, outcome),
            "page": item_page(job, request.GET),
            "empty": _("None of these.") if outcome else _("No order was begun yet."),
        }

    @staticmethod
    def _file(job: BulkJob) -> str:
        if job.file:
            return _("%(rows)s rows, kept for 7 days") % {"rows": f"{job.file_rows:,}"}
        ended = job.action == BulkJob.Action.EXPORT and job.status == BulkJob.Status.SUCCEEDED
        return _("Removed after 7 days. Export again for a new one.") if ended else ""

    @staticmethod
    def _job(job_id: int) -> BulkJob | None:
        return BulkJob.objects.select_related("rights_of", "retry_of").filter(pk=job_id).first()

    def control_view(self, request: HttpRequest, job_id: int, act: str) -> HttpResponse:
        """Stop, resume or retry a job."""
        job = get_object_or_404(BulkJob, pk=job_id)
        if not permissions.has_permission(request.user, job.action):
            raise PermissionDenied
        try:
            job = self._act(request, job_id, act)
        except control.BulkJobError as refused:
            messages.warning(request, str(refused))
        return redirect("admin:ecommerce_bulkjob_change", job.pk)

    @staticmethod
    def _act(request: HttpRequest, job_id: int, act: str) -> BulkJob:
        by: Any = request.user
        if act == "stop":
            job = control.stop(job_id=job_id, by=by)
        elif act == "resume":
            job = control.resume(job_id=job_id, by=by, at=timezone.now())
        elif act == "retry":
            job = control.retry(job_id=job_id, by=by, at=timezone.now())
        else:
            raise control.BulkJobError(_("Choose Stop, Resume or Retry failed."))
        enqueue_job(job)
        return job

    def strip_view(self, request: HttpRequest) -> HttpResponse:
        """Show the strip of the orders list alone."""
        return TemplateResponse(request, "admin/ecommerce/order/bulk_strip.html", banner(request))

    def dismiss_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Put a job away from the strip."""
        dismiss(request, get_object_or_404(BulkJob, pk=job_id).pk)
        back = request.POST.get("next", "")
        safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
        return redirect(back if safe else "admin:ecommerce_order_changelist")

    def download_view(self, request: HttpRequest, job_id: int) -> HttpResponseBase:
        """Stream the file of an export to those who may export."""
        if not permissions.has_permission(request.user, BulkJob.Action.EXPORT):
            raise PermissionDenied
        job = get_object_or_404(BulkJob, pk=job_id)
        try:
            file = storage().open(job.file) if job.file else None
        except FileNotFoundError:
            file = None
        if file is None:
            messages.warning(request, _("The file is not there (any more). Export again for a new one."))
            return redirect("admin:ecommerce_bulkjob_change", job.pk)
        name = f"orders-{job.created_at:%Y-%m-%d}-job-{job.pk}.csv"
        return FileResponse(file, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")

    def result_view(self, request: HttpRequest, job_id: int) -> HttpResponseBase:
        """Stream the outcome of each order of a job."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = get_object_or_404(BulkJob, pk=job_id)
        answer = StreamingHttpResponse(outcome_rows(job), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="job-{job.pk}-result.csv"'
        return answer
