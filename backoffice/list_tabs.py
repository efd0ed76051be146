"""Tabs over a list, each with its count: a bounded one, since counting a big table takes as long as reading it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise

BOUND = 10_000


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab: what it shows, and the query string that asks for it."""

    title: str | Promise
    condition: Q = field(default_factory=Q)
    query: tuple[tuple[str, str], ...] = ()


def bounded_counts(querysets: Sequence[QuerySet[Any]]) -> list[int]:
    """Count each up to one past BOUND, all in one statement."""
    parts = [each.order_by().values("pk")[: BOUND + 1].query.sql_with_params() for each in querysets]
    counts = ", ".join(f"(SELECT COUNT(*) FROM ({sql}) counted)" for sql, _ in parts)  # noqa: S608 - the ORM's own SQL
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}", [value for _, values in parts for value in values])
        return list(cursor.fetchone() or ())


def written(count: int) -> str:
    """Write a bounded count for people."""
    return f"{BOUND:,}+" if count > BOUND else f"{count:,}"


class Tabbed:
    """Adds tabs to a ModelAdmin: `tabs` names them, a tab's link drops every other filter."""

    tabs: Sequence[Tab] = ()
    list_before_template = "admin/list_tabs.html"

    def tabs_of(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Give the tabs as the template shows them."""
        rows = self.get_queryset(request)  # type: ignore[attr-defined]
        counts = bounded_counts([rows.filter(tab.condition) for tab in self.tabs])
        names = {name for tab in self.tabs for name, _ in tab.query}
        chosen = {(name, value) for name, value in request.GET.items() if name in names}
        return [
            {
                "title": tab.title,
                "count": written(count),
                "link": f"?{urlencode(tab.query)}",
                "active": chosen == set(tab.query),
            }
            for tab, count in zip(self.tabs, counts, strict=True)
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list below its tabs."""
        context = {"list_tabs": self.tabs_of(request), **(extra_context or {})}
        page: HttpResponse = super().changelist_view(request, context)  # type: ignore[misc]
        return page
