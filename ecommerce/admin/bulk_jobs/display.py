"""How jobs are told of: on the list's strip, on their page, in messages."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecommerce.admin.display import Badge
from ecommerce.bulk_jobs import control, leases, permissions
from ecommerce.bulk_jobs.outcomes import Progress, counts_by_job
from ecommerce.models import BulkJob

Status = BulkJob.Status
TONES = {
    "queued": "info",
    "running": "info",
    "stopping": "warn",
    "stopped": "warn",
    "succeeded": "good",
    "partial": "warn",
    "failed": "bad",
}


@dataclass(frozen=True, slots=True)
class JobView:
    """A job and how far it is, in words."""

    job: BulkJob
    progress: Progress

    @property
    def url(self) -> str:
        """Give the address of its page."""
        return reverse("admin:ecommerce_bulkjob_change", args=[self.job.pk])

    @property
    def badge(self) -> Badge:
        """Show its status."""
        return Badge(self.job.get_status_display(), TONES[self.job.status])

    @property
    def open(self) -> bool:
        """Tell whether it goes on by itself."""
        return self.job.status in leases.OPEN

    @property
    def troubled(self) -> bool:
        """Tell whether something in it is to be reviewed."""
        return not self.open and (self.progress.failed > 0 or self.job.status in {Status.FAILED, Status.STOPPED})

    @property
    def what(self) -> str:
        """Say what it does: "cancel 37 orders"."""
        return doing(self.job.action, self.job.total)

    @property
    def sentence(self) -> str:
        """Say in a sentence how it stands."""
        words = {
            Status.QUEUED: _("%(job)s is running: %(what)s."),
            Status.RUNNING: _("%(job)s is running: %(what)s."),
            Status.STOPPING: _("%(job)s is stopping: %(what)s."),
            Status.STOPPED: _("%(job)s is stopped: %(what)s."),
            Status.SUCCEEDED: _("%(job)s is complete: %(what)s."),
            Status.PARTIAL: _("%(job)s is complete with failures: %(what)s.")
            if self.progress.failed
            else _("%(job)s is complete, not all orders changed: %(what)s."),
            Status.FAILED: _("%(job)s failed: %(what)s."),
        }
        return words[Status(self.job.status)] % {"job": self.job, "what": self.what}

    @property
    def counts(self) -> str:
        """Say how many have which outcome."""
        if self.job.action == BulkJob.Action.EXPORT and self.open:
            return _("%(rows)s of %(total)s rows written") % {
                "rows": f"{self.job.file_rows:,}",
                "total": f"{self.job.total:,}",
            }
        parts = [_("%s done") % f"{self.progress.done:,}"]
        if self.job.action != BulkJob.Action.EXPORT:
            parts.append(_("%s skipped") % f"{self.progress.skipped:,}")
        parts.append(_("%s failed") % f"{self.progress.failed:,}")
        if self.progress.left:
            parts.append(_("%s left") % f"{self.progress.left:,}")
        return ", ".join(parts)

    @property
    def percent(self) -> int:
        """Give the share that is over, as a whole number."""
        if self.job.action == BulkJob.Action.EXPORT and self.open:
            return 100 * self.job.file_rows // max(1, self.job.total)
        return self.progress.percent

    @property
    def pace(self) -> str:
        """Say how fast it goes, and how long it still takes."""
        if self.job.started_at is None:
            return ""
        took = (self.job.finished_at or timezone.now()) - self.job.started_at
        ended = self._ended
        if not self.open:
            return _("took %(time)s") % {"time": lasting(took)}
        if not ended or took <= timedelta(seconds=1):
            return ""
        rate = ended / took.total_seconds()
        left = timedelta(seconds=(self.job.total - ended) / rate)
        told = {"rate": f"{rate:,.0f}" if rate >= 1 else f"{rate:.1f}", "left": lasting(left)}
        return _("%(rate)s orders a second, about %(left)s left") % told

    @property
    def _ended(self) -> int:
        return self.job.file_rows if self.job.action == BulkJob.Action.EXPORT else self.progress.ended

    @property
    def waiting(self) -> str:
        """Say since when nobody works on it, if nobody does."""
        since = self.job.beat_at or self.job.created_at
        if not self.open or timezone.now() - since < leases.WORKER_TIMEOUT:
            return ""
        return _("waiting for a worker since %(time)s") % {"time": f"{timezone.localtime(since):%H:%M %Z}"}


def tell(job: BulkJob) -> JobView:
    """Read how far a job is."""
    return JobView(job, Progress(job))


def tell_all(jobs: Collection[BulkJob]) -> list[JobView]:
    """Read how far several jobs are."""
    counts = counts_by_job(jobs)
    return [JobView(job, Progress(job, counts[job.pk])) for job in jobs]


def doing(action: str, count: int) -> str:
    """Say what is done to how many orders."""
    words = {
        "export": ngettext("export %(count)s order", "export %(count)s orders", count),
        "fulfill": ngettext("fulfill %(count)s order", "fulfill %(count)s orders", count),
        "cancel": ngettext("cancel %(count)s order", "cancel %(count)s orders", count),
        "return": ngettext("return %(count)s order", "return %(count)s orders", count),
    }
    return words[action] % {"count": f"{count:,}"}


def lasting(span: timedelta) -> str:
    """Write a span of time: 45 s, 3 min, 2 h 10 min."""
    seconds = round(span.total_seconds())
    if seconds < 90:  # noqa: PLR2004 - "75 s" says more than "1 min"
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def buttons(job: BulkJob, user: object) -> list[str]:
    """Name what this person may do to the job now."""
    if not permissions.has_permission(user, job.action):  # type: ignore[arg-type]  # whoever is signed in here is a user
        return []
    if job.status in {Status.QUEUED, Status.RUNNING}:
        return ["stop"]
    if job.status in {Status.STOPPED, Status.STOPPING}:
        return ["resume"]
    return ["retry"] if control.has_failures(job) and not job.retries.exists() else []
