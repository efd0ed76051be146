"""How many orders each tab shows, counted within bounds."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Case, IntegerField, Value, When

from backoffice.list_tabs import BOUND, bounded_counts, format_count
from ecommerce.admin.orders.filters import ALL, ATTENTION, ListQuery
from ecommerce.admin.orders.search import Found
from ecommerce.models import Order
from ecommerce.models.order import OrderQuerySet

NEEDY = Case(When(attention="", then=Value(0)), default=Value(1), output_field=IntegerField())


@dataclass(frozen=True, slots=True)
class Counts:
    """Orders by tab. Past the bound, `at_least` says that those of the other tabs are only what was met on the way."""

    by_tab: Mapping[str, int]
    at_least: bool = False

    def written(self, tab: str, *, exact: bool) -> str:
        """Write the count of a tab for people; empty where nothing is known of it."""
        count = self.by_tab[tab]
        if self.at_least and not exact:
            return f"{min(count, BOUND):,}+" if count else ""
        return format_count(count)


def counts_of(asked: ListQuery, found: Found) -> Counts:
    """Count the orders of each tab; what is above BOUND means "more than that"."""
    if not asked.narrows:
        return Counts(_counts_of_everything())
    counts = _counts_within(found.sample)
    if counts[ALL] <= BOUND and not found.very_many:
        return Counts(counts)
    if counts[asked.tab] <= BOUND:
        [counts[asked.tab]] = bounded_counts([asked.on_tab(found.orders)])
    return Counts(counts, at_least=True)


def _counts_of_everything() -> dict[str, int]:
    tabs = [*(Order.objects.filter(status=status) for status in Order.Status.values), Order.objects.needing_attention()]
    # Ten thousand rows take PostgreSQL about a millisecond: two tabs a statement keep each statement short.
    *counted, needy = (count for at in range(0, len(tabs), 2) for count in bounded_counts(tabs[at : at + 2]))
    # Each order has one status: their sum needs no count of its own.
    return {ALL: sum(counted), **dict(zip(Order.Status.values, counted, strict=True)), ATTENTION: needy}


def _counts_within(found: OrderQuerySet) -> dict[str, int]:
    rows = found.order_by().annotate(needy=NEEDY).values("status", "needy")[: BOUND + 1]
    counts = dict.fromkeys([ALL, *Order.Status.values, ATTENTION], 0)
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:  # Django sees without asking that nothing can match
        return counts
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT status, needy, COUNT(*) FROM ({sql}) found GROUP BY 1, 2", params)  # noqa: S608 - ORM's
        for status, needy, count in cursor.fetchall():
            counts[ALL] += count
            counts[status] += count
            counts[ATTENTION] += count * needy
    return counts
