"""Paging by primary key, newest first, without COUNT and OFFSET: the last page costs what the first does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from backoffice.ids import parse_id

BEFORE, AFTER, LAST = "before", "after", "last"
PAGING = (BEFORE, AFTER, LAST)


@dataclass(frozen=True, slots=True)
class KeysetPage:
    """One page, and whether rows are left on each side of it; the theme uses it as its paginator."""

    rows: list[Any]
    per_page: int
    newer: bool
    older: bool
    key: str = "pk"
    template_name: ClassVar[str] = "admin/parts/keyset_pagination.html"

    @property
    def newer_link(self) -> dict[str, Any]:
        return {AFTER: getattr(self.rows[0], self.key)} if self.rows else {}

    @property
    def older_link(self) -> dict[str, Any]:
        return {BEFORE: getattr(self.rows[-1], self.key)} if self.rows else {LAST: 1}


def keyset_page(
    queryset: QuerySet[Any], *, params: Mapping[str, str], per_page: int, key: str = "pk", oldest_first: bool = False
) -> KeysetPage:
    """Read one page and one row past it; a parameter that is no key is ignored.

    With `oldest_first`, "newer" and "after" lead back towards the first page all the same.
    """
    onward, back = (f"{key}__gt", f"{key}__lt") if oldest_first else (f"{key}__lt", f"{key}__gt")
    order, reverse = (key, f"-{key}") if oldest_first else (f"-{key}", key)
    before, after = parse_id(params.get(BEFORE)), parse_id(params.get(AFTER))
    if before is not None:
        rows = list(queryset.filter(**{onward: before}).order_by(order)[: per_page + 1])
        if rows:  # else an empty page: show the first one instead
            return KeysetPage(rows[:per_page], per_page, newer=True, older=len(rows) > per_page, key=key)
    if after is not None or LAST in params:
        newer = queryset if after is None else queryset.filter(**{back: after})
        rows = list(newer.order_by(reverse)[: per_page + 1])
        if after is None or len(rows) > per_page:  # else it reaches the newest: show the first page, which is full
            page = rows[:per_page][::-1]
            return KeysetPage(page, per_page, newer=len(rows) > per_page, older=after is not None, key=key)
    rows = list(queryset.order_by(order)[: per_page + 1])
    return KeysetPage(rows[:per_page], per_page, newer=False, older=len(rows) > per_page, key=key)


class KeysetChangeList(ChangeList):  # type: ignore[misc]
    """`result_count` is the number of rows on this page."""

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        # The page is no filter, and a link to another filter must start at the first page.
        for name in PAGING:
            self.params.pop(name, None)
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in PAGING}

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Model]) -> Sequence[str]:
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        page = keyset_page(self.queryset, params=request.GET.dict(), per_page=self.list_per_page)
        self.paginator = page
        self.result_list = page.rows
        self.result_count = self.full_result_count = len(page.rows)
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False

    @property
    def is_filtered(self) -> bool:
        return bool(self.get_filters_params())

    @property
    def newest_url(self) -> str:
        return str(self.get_query_string({}))

    @property
    def newer_url(self) -> str:
        return str(self.get_query_string(self.paginator.newer_link))

    @property
    def older_url(self) -> str:
        return str(self.get_query_string(self.paginator.older_link))

    @property
    def oldest_url(self) -> str:
        return str(self.get_query_string({LAST: 1}))
