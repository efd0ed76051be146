"""Lists of any length: newest first, paged by key, so that every page costs what the first does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

BEFORE, AFTER, LAST = "before", "after", "last"
PAGING = (BEFORE, AFTER, LAST)


@dataclass(frozen=True, slots=True)
class KeysetPage:
    """One page and whether there is more on each side of it; the theme takes it for its paginator."""

    rows: list[Any]
    per_page: int
    newer: bool
    older: bool
    key: str = "pk"
    template_name: ClassVar[str] = "admin/keyset_pagination.html"

    @property
    def newer_link(self) -> dict[str, Any]:
        """Give the parameters of the page with newer rows."""
        return {AFTER: getattr(self.rows[0], self.key)} if self.rows else {}

    @property
    def older_link(self) -> dict[str, Any]:
        """Give the parameters of the page with older rows."""
        return {BEFORE: getattr(self.rows[-1], self.key)} if self.rows else {LAST: 1}


def keyset_page(
    queryset: QuerySet[Any], *, params: Mapping[str, str], per_page: int, key: str = "pk", oldest_first: bool = False
) -> KeysetPage:
    """Read one page and one row past it. A key that is none counts as absent.

    Read oldest first, "newer" and "before" are what lies back towards the first page.
    """
    onward, back = (f"{key}__gt", f"{key}__lt") if oldest_first else (f"{key}__lt", f"{key}__gt")
    order, reverse = (key, f"-{key}") if oldest_first else (f"-{key}", key)
    before, after = _key(params.get(BEFORE)), _key(params.get(AFTER))
    if before is not None:
        rows = list(queryset.filter(**{onward: before}).order_by(order)[: per_page + 1])
        if rows:  # else nothing is left beyond it, and the first page says more than an empty one
            return KeysetPage(rows[:per_page], per_page, newer=True, older=len(rows) > per_page, key=key)
    if after is not None or LAST in params:
        newer = queryset if after is None else queryset.filter(**{back: after})
        rows = list(newer.order_by(reverse)[: per_page + 1])
        if after is None or len(rows) > per_page:  # else it reaches the newest, and the first page below is whole
            page = rows[:per_page][::-1]
            return KeysetPage(page, per_page, newer=len(rows) > per_page, older=after is not None, key=key)
    rows = list(queryset.order_by(order)[: per_page + 1])
    return KeysetPage(rows[:per_page], per_page, newer=False, older=len(rows) > per_page, key=key)


def _key(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < len(str(2**63)) else None


class KeysetChangeList(ChangeList):  # type: ignore[misc]
    """A changelist without COUNT and OFFSET. `result_count` is what this page shows."""

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Leave out what says which page it is: it filters nothing, and another filter starts at the first page."""
        for name in PAGING:
            self.params.pop(name, None)
        found: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in found.items() if name not in PAGING}

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Model]) -> Sequence[str]:
        """Order by key alone."""
        return ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        """Read the page."""
        page = keyset_page(self.queryset, params=request.GET.dict(), per_page=self.list_per_page)
        self.paginator = page
        self.result_list = page.rows
        self.result_count = self.full_result_count = len(page.rows)
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.multi_page = False

    @property
    def narrowed(self) -> bool:
        """Tell whether a tab or a filter narrows the list."""
        return bool(self.get_filters_params())

    @property
    def newest_url(self) -> str:
        """Give the address of the first page."""
        return str(self.get_query_string({}))

    @property
    def newer_url(self) -> str:
        """Give the address of the page before this one."""
        return str(self.get_query_string(self.paginator.newer_link))

    @property
    def older_url(self) -> str:
        """Give the address of the page after this one."""
        return str(self.get_query_string(self.paginator.older_link))

    @property
    def oldest_url(self) -> str:
        """Give the address of the last page."""
        return str(self.get_query_string({LAST: 1}))
