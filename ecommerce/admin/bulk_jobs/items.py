"""The orders of a bulk job with their outcomes: pages and tabs."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice.badges import tone
from backoffice.keyset_paging import keyset_page
from ecommerce.admin.display import Badge, TabLink
from ecommerce.bulk_jobs.outcomes import Progress
from ecommerce.models import BulkJob, BulkJobItem

PAGE_SIZE = 100
LABELS: dict[str, str | Promise] = {str(value): label for value, label in BulkJobItem.Status.choices}


@dataclass(frozen=True, slots=True)
class ItemRow:
    order_id: int
    number: str
    outcome: Badge
    reason: str


@dataclass(frozen=True, slots=True)
class ItemPage:
    """A page of items, and the query strings of the pages beside it; empty where there is none."""

    rows: list[ItemRow]
    first: str
    previous: str
    next: str


def parse_outcome(query: Any) -> str:
    outcome = query.get("outcome", "")
    return outcome if outcome in LABELS else ""


def item_page(job: BulkJob, query: Any) -> ItemPage:
    outcome = parse_outcome(query)
    filters = {"outcome": outcome} if outcome else {}
    items = BulkJobItem.objects.filter(job=job, **({"status": outcome} if outcome else {}))
    items = items.select_related("order").only("order__number", "status", "reason")
    page = keyset_page(items, params=query, per_page=PAGE_SIZE, key="order_id", oldest_first=True)
    return ItemPage(
        rows=[_item_row(item) for item in page.rows],
        first=urlencode(filters),
        previous=urlencode(filters | page.newer_link) if page.newer else "",
        next=urlencode(filters | page.older_link) if page.older else "",
    )


def _item_row(item: BulkJobItem) -> ItemRow:
    # A pending refund needs watching; an order that the job has not reached yet does not.
    colour = "plain" if item.status == BulkJobItem.Status.PENDING else tone(item.status)
    return ItemRow(item.order_id, item.order.number, Badge(item.get_status_display(), colour), item.reason)


def outcome_tabs(progress: Progress, outcome: str) -> list[TabLink]:
    counts = {
        "": progress.total,
        "done": progress.done,
        "skipped": progress.skipped,
        "failed": progress.failed,
        "working": progress.working,
        "pending": progress.left - progress.working,
    }
    labels: dict[str, str | Promise] = {"": _("All"), **LABELS}
    return [
        TabLink(labels[name], f"{count:,}", f"?{urlencode({'outcome': name} if name else {})}", name == outcome)
        for name, count in counts.items()
        if count or name in {"", outcome}
    ]
