"""The counts of the orders list's tabs, each bounded."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Case, IntegerField, Value, When

from backoffice.list_tabs import BOUND, bounded_counts, format_count
from ecommerce.admin.orders.filters import ALL, ATTENTION, OrderListParams
from ecommerce.admin.orders.search import SearchResult
from ecommerce.models import Order
from ecommerce.models.order_queryset import OrderQuerySet

NEEDS_ATTENTION = Case(When(attention="", then=Value(0)), default=Value(1), output_field=IntegerField())


@dataclass(frozen=True, slots=True)
class TabCounts:
    """With `at_least`, the counts of the other tabs are lower bounds: counting stopped at BOUND."""

    by_tab: Mapping[str, int]
    at_least: bool = False

    def display(self, tab: str, *, exact: bool) -> str:
        count = self.by_tab[tab]
        if self.at_least and not exact:
            return f"{min(count, BOUND):,}+" if count else ""
        return format_count(count)


def count_by_tab(params: OrderListParams, result: SearchResult) -> TabCounts:
    """Count up to BOUND + 1, which means "more than BOUND"."""
    if not params.is_filtered:
        return TabCounts(_count_all())
    counts = _count_sample(result.sample)
    if counts[ALL] <= BOUND and not result.is_sampled:
        return TabCounts(counts)
    if counts[params.tab] <= BOUND:
        [counts[params.tab]] = bounded_counts([params.filter_by_tab(result.orders)])
    return TabCounts(counts, at_least=True)


def count_partly_fulfilled(params: OrderListParams, result: SearchResult) -> int:
    """Of the orders on the tab, up to BOUND + 1."""
    partly = params.filter_by_tab(result.orders).filter(fulfillment_state=Order.FulfillmentState.PARTIAL)
    [count] = bounded_counts([partly])
    return count


def _count_all() -> dict[str, int]:
    tabs = [*(Order.objects.filter(status=status) for status in Order.Status.values), Order.objects.needing_attention()]
    # Ten thousand rows take PostgreSQL about a millisecond: two tabs a statement keep each statement short.
    *counted, needs_attention = (count for at in range(0, len(tabs), 2) for count in bounded_counts(tabs[at : at + 2]))
    # Each order has one status: their sum needs no count of its own.
    return {ALL: sum(counted), **dict(zip(Order.Status.values, counted, strict=True)), ATTENTION: needs_attention}


def _count_sample(orders: OrderQuerySet) -> dict[str, int]:
    rows = orders.order_by().annotate(needs_attention=NEEDS_ATTENTION).values("status", "needs_attention")[: BOUND + 1]
    counts = dict.fromkeys([ALL, *Order.Status.values, ATTENTION], 0)
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:  # Django sees without asking that nothing can match
        return counts
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT status, needs_attention, COUNT(*) FROM ({sql}) found GROUP BY 1, 2", params)  # noqa: S608 - ORM's
        for status, needs_attention, count in cursor.fetchall():
            counts[ALL] += count
            counts[status] += count
            counts[ATTENTION] += count * needs_attention
    return counts
