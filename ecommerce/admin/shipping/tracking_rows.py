"""The rows of a tracking file with their words, by tab and page, and as the file that comes back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.badges import tone
from backoffice.keyset_paging import keyset_page
from backoffice.writers import Format
from ecommerce.admin.display import Badge, TabLink
from ecommerce.models import TrackingFile, TrackingFileRow
from ecommerce.tracking_files.outcomes import count_by_code, count_by_status
from ecommerce.tracking_files.words import APPLIED, KINDS, sentence

PAGE_SIZE = 100
Status, RowStatus = TrackingFile.Status, TrackingFileRow.Status
TONES = {"ship": "good", "part": "info", "correct": "info", "skip": "plain", "impossible": "bad"}
KIND_OF = {code: kind for kind, (codes, _title) in KINDS.items() for code in codes}
UNTOUCHED = {RowStatus.PENDING: "plain"}


@dataclass(frozen=True, slots=True)
class RowView:
    number: int
    order_number: str
    order_url: str
    tracking: str
    what: Badge
    words: str


def file_context(file: TrackingFile, query: Any) -> dict[str, Any]:
    """Before it was begun, rows are told by what they would do; afterwards by their outcomes."""
    started = file.started_at is not None
    counts = count_by_status(file) if started else kind_counts(file)
    chosen = query.get("tab", "") if query.get("tab", "") in counts else ""
    rows = file.rows.all()
    if chosen:
        rows = rows.filter(status=chosen) if started else rows.filter(code__in=KINDS[chosen][0])
    page = keyset_page(rows, params=query, per_page=PAGE_SIZE, key="number", oldest_first=True)
    tab = {"tab": chosen} if chosen else {}
    total = sum(counts.values())
    return {
        "file": file,
        "started": started,
        "total": total,
        "counts": counts,
        "percent": 100 * (total - counts[RowStatus.PENDING]) // total if started and total else 0,
        "changes": 0 if started else sum(counts[kind] for kind in ("ship", "part", "correct")),
        "doubtful": 0 if started else file.rows.filter(code="doubt").count(),
        "rest": counts[RowStatus.SKIPPED] + counts[RowStatus.FAILED] if started else 0,
        "badge": Badge(file.get_status_display(), tone(file.status)),
        "columns": file.columns.items(),
        "tabs": _tabs(counts, chosen, started=started),
        "rows": [_view(row, started=started) for row in page.rows],
        "first": urlencode(tab),
        "previous": urlencode(tab | page.newer_link) if page.newer else "",
        "next": urlencode(tab | page.older_link) if page.older else "",
        "formats": Format,
    }


def kind_counts(file: TrackingFile) -> Any:
    by_code = count_by_code(file)
    return type(by_code)({kind: sum(by_code[code] for code in codes) for kind, (codes, _title) in KINDS.items()})


def _tabs(counts: Any, chosen: str, *, started: bool) -> list[TabLink]:
    titles = dict(RowStatus.choices) if started else {kind: title for kind, (_codes, title) in KINDS.items()}
    tabs = [TabLink(_("All"), f"{sum(counts.values()):,}", "?", not chosen)]
    for name, title in titles.items():
        if counts[name] or name == chosen:
            tabs.append(TabLink(title, f"{counts[name]:,}", f"?{urlencode({'tab': name})}", name == chosen))
    return tabs


def _view(row: TrackingFileRow, *, started: bool) -> RowView:
    url = reverse("admin:ecommerce_order_change", args=[row.order_id]) if row.order_id else ""
    tracking = f"{row.carrier} {row.tracking_number}".strip()
    return RowView(row.number, row.order_number, url, tracking, _badge(row, started=started), sentence(row))


def _badge(row: TrackingFileRow, *, started: bool) -> Badge:
    if started:
        return Badge(row.get_status_display(), UNTOUCHED.get(RowStatus(row.status)) or tone(row.status))
    kind = KIND_OF.get(row.code, "impossible")
    return Badge(KINDS[kind][1], TONES[kind])


def result_header(file: TrackingFile) -> list[str]:
    return [*file.headers, _("outcome"), _("what happened")]


def result_rows(file: TrackingFile) -> Iterator[list[str]]:
    width = len(file.headers)
    for row in file.rows.order_by("number").iterator(chunk_size=2_000):
        cells = [*row.cells, *[""] * (width - len(row.cells))]
        yield [*cells, _outcome(row), sentence(row)]


def _outcome(row: TrackingFileRow) -> str:
    if row.status == RowStatus.PENDING and row.code not in APPLIED:
        return _("not possible") if KIND_OF.get(row.code) == "impossible" else _("skip")
    return str(row.get_status_display()).lower()
