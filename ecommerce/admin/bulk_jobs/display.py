"""How bulk jobs are displayed: in the banner of the orders list, on their page, in messages."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice import database_clock
from backoffice.badges import tone
from ecommerce.admin.display import Badge
from ecommerce.bulk_jobs import control, leases, permissions
from ecommerce.bulk_jobs.outcomes import Progress, counts_by_job, waiting_for_users
from ecommerce.models import BulkJob

Status = BulkJob.Status


@dataclass(frozen=True, slots=True)
class JobView:
    """A job and its progress, in words."""

    job: BulkJob
    progress: Progress
    now: datetime  # the database's

    @property
    def url(self) -> str:
        return reverse("admin:ecommerce_bulkjob_change", args=[self.job.pk])

    @property
    def badge(self) -> Badge:
        return Badge(self.job.get_status_display(), tone(self.job.status))

    @property
    def is_open(self) -> bool:
        return self.job.status in leases.OPEN

    @property
    def needs_review(self) -> bool:
        return not self.is_open and (self.progress.failed > 0 or self.job.status in {Status.FAILED, Status.STOPPED})

    @property
    def description(self) -> str:
        return describe_job(self.job)

    @property
    def sentence(self) -> str:
        words = {
            Status.QUEUED: _("%(job)s is running: %(what)s."),
            Status.RUNNING: _("%(job)s is running: %(what)s."),
            Status.STOPPING: _("%(job)s is stopping: %(what)s."),
            Status.STOPPED: _("%(job)s is stopped: %(what)s."),
            Status.SUCCEEDED: _("%(job)s is complete: %(what)s."),
            Status.PARTIAL: _("%(job)s is complete with failures: %(what)s.")
            if self.progress.failed
            else self._without_failures,
            Status.FAILED: _("%(job)s failed: %(what)s."),
        }
        return words[Status(self.job.status)] % {"job": self.job, "what": self.description}

    @property
    def _without_failures(self) -> str:
        if self.job.action == BulkJob.Action.INVOICES:
            return _("%(job)s is complete, not all orders have an invoice to download: %(what)s.")
        return _("%(job)s is complete, not all orders changed: %(what)s.")

    @property
    def counts(self) -> str:
        if self.job.action == BulkJob.Action.EXPORT and self.is_open:
            sentence = _("%(rows)s of %(total)s rows written")
            if self.job.parameters.get("rows") == "items":
                sentence = _("%(rows)s of %(total)s orders written")
            return sentence % {
                "rows": f"{self.job.file_rows:,}",
                "total": f"{self.job.total:,}",
            }
        parts = [_("%s done") % f"{self.progress.done:,}"]
        if self.job.action != BulkJob.Action.EXPORT:
            parts.append(_("%s skipped") % f"{self.progress.skipped:,}")
        parts.append(_("%s failed") % f"{self.progress.failed:,}")
        if self.progress.left:
            parts.append(_("%s left") % f"{self.progress.left:,}")
        if self.job.action == BulkJob.Action.INVOICES and self.job.file_rows:
            parts.append(_("%s in the file") % f"{self.job.file_rows:,}")
        return ", ".join(parts)

    @property
    def given_back(self) -> str:
        count = self.job.given_back
        words = ngettext(
            "%(count)s refund had been requested and was not sent: its order is as before. Resume takes it up.",
            "%(count)s refunds had been requested and were not sent: their orders are as before. Resume takes them up.",
            count,
        )
        return words % {"count": f"{count:,}"} if count else ""

    @property
    def percent(self) -> int:
        if self.job.action == BulkJob.Action.EXPORT and self.is_open:
            return 100 * self.job.file_rows // max(1, self.job.total)
        return self.progress.percent

    @property
    def timing(self) -> str:
        if self.job.started_at is None:
            return ""
        took = (self.job.finished_at or self.now) - self.job.started_at
        processed = self._processed
        if not self.is_open:
            return _("took %(time)s") % {"time": format_duration(took)}
        if not processed or took <= timedelta(seconds=1):
            return ""
        rate = processed / took.total_seconds()
        left = timedelta(seconds=(self.job.total - processed) / rate)
        values = {"rate": f"{rate:,.0f}" if rate >= 1 else f"{rate:.1f}", "left": format_duration(left)}
        return _("%(rate)s orders a second, about %(left)s left") % values

    @property
    def _processed(self) -> int:
        return self.job.file_rows if self.job.action == BulkJob.Action.EXPORT else self.progress.ended

    @property
    def waiting_for_users(self) -> str:
        count = waiting_for_users(self.job) if self.is_open and self.progress.working else 0
        if not count:
            return ""
        return ngettext(
            "%(count)s order needs attention before the job can end: the reason is below. Open it, and press Send "
            "again.",
            "%(count)s orders need attention before the job can end: the reasons are below. Open them, and press Send "
            "again.",
            count,
        ) % {"count": f"{count:,}"}

    @property
    def waiting_for_worker(self) -> str:
        since = self.job.beat_at or self.job.created_at
        if not self.is_open or self.now - since < leases.WORKER_TIMEOUT:
            return ""
        return _("waiting for a worker since %(time)s") % {"time": f"{timezone.localtime(since):%H:%M %Z}"}


def job_view(job: BulkJob) -> JobView:
    return JobView(job, Progress(job), database_clock.now())


def job_views(jobs: Collection[BulkJob]) -> list[JobView]:
    counts, now = counts_by_job(jobs), database_clock.now()
    return [JobView(job, Progress(job, counts[job.pk]), now) for job in jobs]


def describe_job(job: BulkJob) -> str:
    if job.parameters.get("rows") == "items":
        words = ngettext("export the items of %(count)s order", "export the items of %(count)s orders", job.total)
        return words % {"count": f"{job.total:,}"}
    if job.parameters.get("credit_notes"):
        words = ngettext(
            "download the invoice and the credit notes of %(count)s order",
            "download the invoices and credit notes of %(count)s orders",
            job.total,
        )
        return words % {"count": f"{job.total:,}"}
    return describe_action(job.action, job.total)


def describe_action(action: str, count: int) -> str:
    words = {
        "export": ngettext("export %(count)s order", "export %(count)s orders", count),
        "fulfill": ngettext("fulfill %(count)s order", "fulfill %(count)s orders", count),
        "cancel": ngettext("cancel %(count)s order", "cancel %(count)s orders", count),
        "return": ngettext("return %(count)s order", "return %(count)s orders", count),
        "tag": ngettext("tag %(count)s order", "tag %(count)s orders", count),
        "hold": ngettext("put %(count)s order on hold", "put %(count)s orders on hold", count),
        "release": ngettext("release %(count)s order", "release %(count)s orders", count),
        "invoices": ngettext(
            "download the invoice of %(count)s order", "download the invoices of %(count)s orders", count
        ),
        "assign": ngettext("assign %(count)s order", "assign %(count)s orders", count),
    }
    return words[action] % {"count": f"{count:,}"}


def format_duration(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    if seconds < 90:  # noqa: PLR2004 - "75 s" says more than "1 min"
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def available_controls(job: BulkJob, user: object) -> list[str]:
    if not permissions.has_permission(user, job.action):  # type: ignore[arg-type]  # a signed-in user
        return []
    if job.status in {Status.QUEUED, Status.RUNNING}:
        return ["stop"]
    if job.status in {Status.STOPPED, Status.STOPPING}:
        return ["resume"]
    return ["retry"] if control.has_failures(job) and not job.retries.exists() else []
