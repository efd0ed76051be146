"""What a job would do to a selection as it is now: how many change, how many don't and why, how much goes back."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, F, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecommerce.models import BulkJob, Order, OrderAct
from ecommerce.models.order import OrderQuerySet

Action = BulkJob.Action
NEEDED = {
    Action.FULFILL: Order.Status.PAID,
    Action.CANCEL: Order.Status.PAID,
    Action.RETURN: Order.Status.FULFILLED,
}


@dataclass(slots=True, kw_only=True)
class Preview:
    """Counts of orders: `changes` now, `waits` after what is in flight with them, `skips` with their reason.

    `money` is what goes back, by currency, in its minor unit.
    """

    total: int = 0
    changes: int = 0
    waits: int = 0
    money: Counter[str] = field(default_factory=Counter)
    skips: list[tuple[int, str]] = field(default_factory=list)


def preview(action: str, orders: OrderQuerySet) -> Preview:
    """Look at the orders of a selection, in two statements however many they are."""
    seen, skipped = Preview(), Counter[str]()
    needed = NEEDED[Action(action)]
    for status, currency, whole, count, owed in _grouped(orders):
        seen.total += count
        if status == needed and not (whole and action == Action.FULFILL):
            seen.changes += count
            seen.money[currency] += 0 if action == Action.FULFILL else owed
        else:
            skipped[_REFUNDED if status == needed else status] += count
    for status, currency, kind, count, owed in _in_flight(orders):
        if status == needed:
            seen.changes -= 0 if kind == action else count
            seen.waits += 0 if kind == action else count
            seen.money[currency] -= 0 if action == Action.FULFILL else owed
    seen.money = +seen.money
    seen.skips = [(count, reason(action, status, count)) for status, count in sorted(skipped.items())]
    return seen


_REFUNDED = "refunded"
_LEFT = F("total") - F("amount_refunded")


def _grouped(orders: OrderQuerySet) -> Iterable[tuple[Any, ...]]:
    whole = Q(total__gt=0, amount_refunded__gte=F("total"))
    rows = orders.order_by().annotate(whole=whole).values("status", "currency", "whole")
    found = rows.annotate(orders=Count("pk"), owed=Sum(_LEFT, filter=Q(paid_at__isnull=False), default=0))
    return found.values_list("status", "currency", "whole", "orders", "owed")


def _in_flight(orders: OrderQuerySet) -> Iterable[tuple[Any, ...]]:
    acts = OrderAct.objects.filter(closed_at=None, order__in=orders.order_by().values("pk")).order_by()
    left = F("order__total") - F("order__amount_refunded")
    found = acts.values("order__status", "order__currency", "kind").annotate(orders=Count("pk"), owed=Sum(left))
    return found.values_list("order__status", "order__currency", "kind", "orders", "owed")


def reason(action: str, status: str, count: int) -> str:
    """Say of so many orders why they are skipped."""
    if status == _REFUNDED:
        return ngettext(
            "%(count)s was wholly refunded; it can only be canceled.",
            "%(count)s were wholly refunded; they can only be canceled.",
            count,
        ) % {"count": f"{count:,}"}
    done = {Action.FULFILL: _("fulfilled"), Action.CANCEL: _("canceled"), Action.RETURN: _("returned")}
    sentence = ngettext(
        "%(count)s is %(status)s; only a %(needed)s order can be %(done)s.",
        "%(count)s are %(status)s; only a %(needed)s order can be %(done)s.",
        count,
    )
    return sentence % {
        "count": f"{count:,}",
        "status": str(Order.Status(status).label).lower(),
        "needed": str(NEEDED[Action(action)].label).lower(),
        "done": done[Action(action)],
    }
