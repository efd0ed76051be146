"""What a job that tags, holds, releases or assigns would do to a selection: one statement."""

from collections.abc import Iterator

from django.db.models import Count
from django.utils.translation import ngettext

from ecommerce.models import BulkJob, Order
from ecommerce.models.order_queryset import OrderQuerySet
from ecommerce.orders.hold import HOLDABLE

Action = BulkJob.Action
ORGANIZING = frozenset({Action.TAG, Action.HOLD, Action.RELEASE, Action.ASSIGN})


def count(action: str, orders: OrderQuerySet) -> tuple[int, list[tuple[int, str]]]:
    """Return how many orders would change, and how many would be skipped for which reason."""
    if action in {Action.TAG, Action.ASSIGN}:
        return orders.count(), []
    groups = orders.order_by().values_list("status", "on_hold", "held_for_review").annotate(Count("pk"))
    changes, skipped = 0, dict[str, int]()
    for status, on_hold, for_review, number in groups:
        obstacle = _obstacle(action, status, on_hold=on_hold, for_review=for_review)
        if obstacle:
            skipped[obstacle] = skipped.get(obstacle, 0) + number
        else:
            changes += number
    return changes, list(_reasons(skipped))


def _obstacle(action: str, status: str, *, on_hold: bool, for_review: bool) -> str:
    if action == Action.RELEASE:
        return "" if on_hold else "free"
    if status not in HOLDABLE:
        return status
    return "held" if on_hold and not for_review else ""


def _reasons(skipped: dict[str, int]) -> Iterator[tuple[int, str]]:
    for obstacle, number in sorted(skipped.items()):
        values = {"count": f"{number:,}", "status": ""}
        if obstacle == "free":
            sentence = ngettext("%(count)s is not on hold.", "%(count)s are not on hold.", number)
        elif obstacle == "held":
            sentence = ngettext("%(count)s is on hold already.", "%(count)s are on hold already.", number)
        else:
            values["status"] = str(Order.Status(obstacle).label).lower()
            sentence = ngettext(
                "%(count)s is %(status)s; only a created or paid order can be put on hold.",
                "%(count)s are %(status)s; only created or paid orders can be put on hold.",
                number,
            )
        yield number, sentence % values
