"""Tabs above a list, each with its count: bounded, since counting a big table takes as long as reading it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Choices, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

BOUND = 10_000


@dataclass(frozen=True, slots=True)
class Tab:
    """The `query` of its link must select the same rows as `condition`."""

    title: str | Promise
    condition: Q = field(default_factory=Q)
    query: tuple[tuple[str, str], ...] = ()


def status_tabs(statuses: type[Choices]) -> tuple[Tab, ...]:
    """Return a tab for all rows and one for each value of a field named `status`."""
    by_status = (Tab(label, Q(status=value), (("status__exact", value),)) for value, label in statuses.choices)
    return (Tab(_("All")), *by_status)


def bounded_counts(querysets: Sequence[QuerySet[Any]]) -> list[int]:
    """Count each queryset up to BOUND + 1, all in one statement."""
    selects = [each.order_by().values("pk")[: BOUND + 1].query.sql_with_params() for each in querysets]
    counts = ", ".join(f"(SELECT COUNT(*) FROM ({sql}) counted)" for sql, _params in selects)  # noqa: S608 - the ORM's own SQL
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", [value for _sql, params in selects for value in params])
        return list(cursor.fetchone() or ())


def format_count(count: int) -> str:
    return f"{BOUND:,}+" if count > BOUND else f"{count:,}"


class Tabbed:
    """Mixin of a ModelAdmin that adds `tabs`; a tab's link drops every other filter."""

    tabs: Sequence[Tab] = ()
    list_before_template = "admin/parts/list_tabs.html"

    def _tab_links(self, request: HttpRequest) -> list[dict[str, Any]]:
        rows = self.get_queryset(request)  # type: ignore[attr-defined]
        counts = bounded_counts([rows.filter(tab.condition) for tab in self.tabs])
        names = {name for tab in self.tabs for name, _value in tab.query}
        chosen = {(name, value) for name, value in request.GET.items() if name in names}
        return [
            {
                "title": tab.title,
                "count": format_count(count),
                "link": f"?{urlencode(tab.query)}",
                "active": chosen == set(tab.query),
            }
            for tab, count in zip(self.tabs, counts, strict=True)
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"list_tabs": self._tab_links(request), **(extra_context or {})}
        page: HttpResponse = super().changelist_view(request, context)  # type: ignore[misc]
        return page
