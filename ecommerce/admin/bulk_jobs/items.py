"""The orders of a job and their outcomes, page by page: by key, so that the last page costs what the first does."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.badges import tone
from backoffice.ids import parse_id
from backoffice.keyset_paging import AFTER, BEFORE
from ecommerce.admin.orders.changelist import TabLink
from ecommerce.bulk_jobs.outcomes import Progress
from ecommerce.models import BulkJob, BulkJobItem

ROWS = 100
LABELS: dict[str, str | Promise] = {str(value): label for value, label in BulkJobItem.Status.choices}


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One order of a job, as its page shows it."""

    order_id: int
    number: str
    status: str
    reason: str

    @property
    def label(self) -> str | Promise:
        """Name the outcome."""
        return LABELS[self.status]

    @property
    def tone(self) -> str:
        # A pending refund needs watching; an order that the job has not reached yet does not.
        return "plain" if self.status == BulkJobItem.Status.PENDING else tone(self.status)


@dataclass(frozen=True, slots=True)
class ItemPage:
    """A page of rows, and the query strings of those beside it; empty where there is none."""

    rows: list[ItemRow]
    first: str
    previous: str
    next: str


def outcome_of(query: Any) -> str:
    """Read which outcome is asked for; what is none counts as all."""
    asked = query.get("outcome", "")
    return asked if asked in LABELS else ""


def item_page(job: BulkJob, query: Any) -> ItemPage:
    """Read one page and one row past it, in the order of the orders' keys."""
    outcome = outcome_of(query)
    items = BulkJobItem.objects.filter(job=job, **({"status": outcome} if outcome else {}))
    before, after = parse_id(query.get(BEFORE)), parse_id(query.get(AFTER))
    if before is not None:
        found = list(_rows(items.filter(order_id__lt=before).order_by("-order_id")))
        rows, earlier, later = found[:ROWS][::-1], len(found) > ROWS, True
    else:
        found = list(_rows(items.filter(order_id__gt=after or 0).order_by("order_id")))
        rows, earlier, later = found[:ROWS], after is not None, len(found) > ROWS
    keep = {"outcome": outcome} if outcome else {}
    return ItemPage(
        rows=rows,
        first=urlencode(keep),
        previous=urlencode(keep | {BEFORE: rows[0].order_id}) if rows and earlier else "",
        next=urlencode(keep | {AFTER: rows[-1].order_id}) if rows and later else "",
    )


def _rows(items: Any) -> list[ItemRow]:
    columns = ("order_id", "order__number", "status", "reason")
    return [ItemRow(*row) for row in items.values_list(*columns)[: ROWS + 1]]


def tabs(progress: Progress, outcome: str) -> list[TabLink]:
    """Give the tabs over the outcomes, each with its count."""
    counts = {
        "": progress.total,
        "done": progress.done,
        "skipped": progress.skipped,
        "failed": progress.failed,
        "working": progress.working,
        "pending": progress.left - progress.working,
    }
    titles: dict[str, str | Promise] = {"": _("All"), **LABELS}
    return [
        TabLink(titles[name], f"{count:,}", f"?{urlencode({'outcome': name} if name else {})}", name == outcome)
        for name, count in counts.items()
        if count or name in {"", outcome}
    ]
