"""How many orders each tab shows, counted within bounds."""

from collections.abc import Mapping

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Case, IntegerField, Value, When

from customers.admin.tabs import BOUND, bounded_counts
from ecommerce.admin.order_filters import ALL, ATTENTION, Asked
from ecommerce.models import Order
from ecommerce.models.order import OrderQuerySet

NEEDY = Case(When(attention="", then=Value(0)), default=Value(1), output_field=IntegerField())


def counts_of(asked: Asked, found: OrderQuerySet) -> Mapping[str, int]:
    """Count the orders of each tab; what is above BOUND means "more than that"."""
    return _counts_within(found) if asked.narrows else _counts_of_everything()


def written(count: int, *, at_least: bool) -> str:
    """Write a bounded count for people."""
    return f"{min(count, BOUND):,}+" if at_least or count > BOUND else f"{count:,}"


def _counts_of_everything() -> Mapping[str, int]:
    tabs = [*(Order.objects.filter(status=status) for status in Order.Status.values), Order.objects.needing_attention()]
    # Ten thousand rows take PostgreSQL about a millisecond: two tabs a statement keep each statement short.
    *counted, needy = (count for at in range(0, len(tabs), 2) for count in bounded_counts(tabs[at : at + 2]))
    # Each order has one status: their sum needs no count of its own.
    return {ALL: sum(counted), **dict(zip(Order.Status.values, counted, strict=True)), ATTENTION: needy}


def _counts_within(found: OrderQuerySet) -> Mapping[str, int]:
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
