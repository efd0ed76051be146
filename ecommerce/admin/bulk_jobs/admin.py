"""The bulk jobs admin: list, page of one job, stop, resume and retry, downloads, and the banner's views."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q, QuerySet, Sum
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from backoffice import database_clock
from backoffice.activity.record import record
from backoffice.badges import badge
from backoffice.base_admin import ReadOnlyAdmin
from backoffice.columns import column
from backoffice.file_storage import StorageUnavailable, open_file
from backoffice.ids import parse_id
from backoffice.list_tabs import Tab, Tabbed
from backoffice.models import Activity
from backoffice.times import moment
from backoffice.writers import Format
from ecommerce.admin.bulk_jobs.banner import banner_context, dismiss_job
from ecommerce.admin.bulk_jobs.display import JobView, available_controls, describe_job, job_view
from ecommerce.admin.bulk_jobs.items import item_page, outcome_tabs, parse_outcome
from ecommerce.admin.display import format_time
from ecommerce.bulk_jobs import control, permissions
from ecommerce.exports.orders import outcome_rows
from ecommerce.models import BulkJob
from ecommerce.tasks import enqueue_job


def _kind_of_file(job: BulkJob) -> tuple[str, str, str]:
    if job.action == BulkJob.Action.INVOICES:
        suffix = "pdf" if job.parameters.get("file") == "pdf" else "zip"
        return "invoices", suffix, f"application/{suffix}"
    form = Format.named(job.selection.get("format"))
    return "orders", form.suffix, form.content_type


CONTROL_LABELS = {
    "stop": gettext_lazy("Stop"),
    "resume": gettext_lazy("Resume"),
    "retry": gettext_lazy("Retry failed"),
}


@admin.register(BulkJob)
class BulkJobAdmin(Tabbed, ReadOnlyAdmin):
    list_display = ("name", "description", "requested_by", "created", "outcome", "status_badge")
    list_display_links = ("name",)
    empty_text = gettext_lazy("Tick orders in their list and choose a mass action: what becomes of it is kept here.")
    tabs = (
        Tab(gettext_lazy("All")),
        Tab(gettext_lazy("Running"), Q(status__in=("queued", "running", "stopping")),
            (("status__in", "queued,running,stopping"),)),
        Tab(gettext_lazy("Stopped"), Q(status="stopped"), (("status__in", "stopped"),)),
        Tab(gettext_lazy("Not all done"), Q(status__in=("partial", "failed")), (("status__in", "partial,failed"),)),
    )  # fmt: skip

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Whoever may start a job may see what becomes of it.
        viewing = ("ecommerce.view_bulkjob", *permissions.PERMISSIONS.values())
        return any(request.user.has_perm(permission) for permission in viewing)

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkJob]:
        sums = {f"total_{name}": Sum(F(f"slices__{name}"), default=0) for name in ("done", "skipped", "failed")}
        jobs: QuerySet[BulkJob] = super().get_queryset(request).annotate(**sums)
        return jobs

    @column(gettext_lazy("job"))
    def name(self, job: BulkJob) -> str:
        return str(job)

    @column(gettext_lazy("action"))
    def description(self, job: BulkJob) -> str:
        return describe_job(job)

    @column(gettext_lazy("by"))
    def requested_by(self, job: BulkJob) -> str:
        return job.requested_by

    @column(gettext_lazy("when"))
    def created(self, job: BulkJob) -> SafeString | str:
        return moment(job.created_at)

    @column(gettext_lazy("outcome"))
    def outcome(self, job: Any) -> str:
        counts = {"done": job.total_done, "skipped": job.total_skipped, "failed": job.total_failed}
        words = {"done": _("%s done"), "skipped": _("%s skipped"), "failed": _("%s failed")}
        return ", ".join(words[name] % f"{count:,}" for name, count in counts.items() if count) or "–"

    @column(gettext_lazy("status"))
    def status_badge(self, job: BulkJob) -> SafeString:
        return badge(job.status, job.get_status_display())

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        own = [
            path("strip/", wrap(self.banner_view), name="ecommerce_bulkjob_banner"),
            path("<int:job_id>/dismiss/", wrap(require_POST(self.dismiss_view)), name="ecommerce_bulkjob_dismiss"),
            path("<int:job_id>/download/", wrap(self.download_view), name="ecommerce_bulkjob_download"),
            path("<int:job_id>/result.csv", wrap(self.result_view), name="ecommerce_bulkjob_result"),
            path(
                "<int:job_id>/<str:command>/do/",
                wrap(require_POST(self.control_view)),
                name="ecommerce_bulkjob_control",
            ),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        pk = parse_id(object_id)
        job = None if pk is None else self._get_job(pk)
        if job is None:
            raise Http404
        view = job_view(job)
        context = {
            "job": job,
            "view": view,
            "buttons": [(name, CONTROL_LABELS[name]) for name in available_controls(job, request.user)],
        }
        if request.GET.get("fragment") == "progress":  # polled by htmx
            return TemplateResponse(request, "admin/ecommerce/bulkjob/progress.html", context)
        return self._render(request, context | self._details_context(request, view))

    def _render(self, request: HttpRequest, context: dict[str, Any]) -> TemplateResponse:
        request.current_app = self.admin_site.name
        base = {**self.admin_site.each_context(request), "opts": self.opts, "title": str(context["job"])}
        return TemplateResponse(request, "admin/ecommerce/bulkjob/change_form.html", {**base, **context})

    def _details_context(self, request: HttpRequest, view: JobView) -> dict[str, Any]:
        job, outcome = view.job, parse_outcome(request.GET)
        return {
            "original": job,
            "total": f"{job.total:,}",
            "created": format_time(job.created_at),
            "started": format_time(job.started_at) if job.started_at else "",
            "finished": format_time(job.finished_at) if job.finished_at else "",
            "retries": job.retries.order_by("pk"),
            "file": self._describe_file(job),
            "tabs": outcome_tabs(view.progress, outcome),
            "page": item_page(job, request.GET),
            "empty": _("None of these.") if outcome else _("No order was begun yet."),
        }

    @staticmethod
    def _describe_file(job: BulkJob) -> str:
        of_invoices = job.action == BulkJob.Action.INVOICES
        if job.file:
            words = _("%(rows)s documents") if of_invoices else _("%(rows)s rows")
            kept = _("%(what)s, kept for %(days)s days") if settings.EXPORT_DAYS else "%(what)s"
            return kept % {"what": words % {"rows": f"{job.file_rows:,}"}, "days": settings.EXPORT_DAYS}
        if of_invoices and job.file_rows and job.finished_at:
            return _("Removed since. Download the invoices again for a new one.")
        ended = job.action == BulkJob.Action.EXPORT and job.status == BulkJob.Status.SUCCEEDED
        return _("Removed since. Export again for a new one.") if ended else ""

    @staticmethod
    def _get_job(job_id: int) -> BulkJob | None:
        return BulkJob.objects.select_related("rights_of", "retry_of").filter(pk=job_id).first()

    def control_view(self, request: HttpRequest, job_id: int, command: str) -> HttpResponse:
        job = get_object_or_404(BulkJob, pk=job_id)
        if not permissions.has_permission(request.user, job.action):
            raise PermissionDenied
        try:
            job = self._control(request, job_id, command)
        except control.BulkJobError as error:
            messages.warning(request, str(error))
        return redirect("admin:ecommerce_bulkjob_change", job.pk)

    @staticmethod
    def _control(request: HttpRequest, job_id: int, command: str) -> BulkJob:
        by: Any = request.user
        if command == "stop":
            job = control.stop(job_id=job_id, by=by)
        elif command == "resume":
            job = control.resume(job_id=job_id, by=by)
        elif command == "retry":
            job = control.retry(job_id=job_id, by=by, at=database_clock.now())
        else:
            raise control.BulkJobError(_("Choose Stop, Resume or Retry failed."))
        enqueue_job(job)
        return job

    def banner_view(self, request: HttpRequest) -> HttpResponse:
        return TemplateResponse(request, "admin/ecommerce/bulkjob/banner.html", banner_context(request))

    def dismiss_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        dismiss_job(request, get_object_or_404(BulkJob, pk=job_id).pk)
        next_url = request.POST.get("next", "")
        safe = url_has_allowed_host_and_scheme(next_url, {request.get_host()}, require_https=request.is_secure())
        return redirect(next_url if safe else "admin:ecommerce_order_changelist")

    def download_view(self, request: HttpRequest, job_id: int) -> HttpResponseBase:
        job = get_object_or_404(BulkJob, pk=job_id)
        if not permissions.has_permission(request.user, job.action if job.makes_file else BulkJob.Action.EXPORT):
            raise PermissionDenied
        try:
            file = open_file(job.file) if job.file else None
        except StorageUnavailable as error:
            messages.warning(request, str(error))
            return redirect("admin:ecommerce_bulkjob_change", job.pk)
        if file is None:
            messages.warning(request, _("The file is not there (any more). Export or download it again for a new one."))
            return redirect("admin:ecommerce_bulkjob_change", job.pk)
        self._record_download(job, describe_job(job))
        what, suffix, content_type = _kind_of_file(job)
        name = f"{what}-{job.created_at:%Y-%m-%d}-job-{job.pk}.{suffix}"
        return FileResponse(file, as_attachment=True, filename=name, content_type=content_type)

    @staticmethod
    def _record_download(job: BulkJob, note: str) -> None:
        record(act=Activity.Act.DOWNLOADED, kind=Activity.Kind.EXPORT, obj=job, note=note)

    def result_view(self, request: HttpRequest, job_id: int) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = get_object_or_404(BulkJob, pk=job_id)
        self._record_download(job, _("The outcome of each order"))
        response = StreamingHttpResponse(outcome_rows(job), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="job-{job.pk}-result.csv"'
        return response
