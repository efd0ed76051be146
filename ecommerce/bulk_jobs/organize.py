"""Tagging, holding, releasing and assigning many orders in one transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from ecommerce.bulk_jobs.outcomes import Outcome, Status
from ecommerce.bulk_jobs.permissions import actor_of
from ecommerce.models import BulkJob, Order
from ecommerce.orders.assign import assign_to, find_assignee
from ecommerce.orders.errors import OrderError
from ecommerce.orders.hold import check_holdable, check_releasable, end_hold, put_on_hold
from ecommerce.orders.tags import change_tags


def tag(job: BulkJob, orders: Sequence[Order], *, at: datetime) -> list[Outcome]:
    """Add and remove the job's tags; the caller holds the orders' locks, here and below."""
    add, remove = job.parameters.get("add", []), job.parameters.get("remove", [])
    changed = change_tags(orders, add=add, remove=remove, by=actor_of(job), at=at)
    return _outcomes(orders, changed, _("Order %(number)s has these tags already."))


def assign(job: BulkJob, orders: Sequence[Order], *, at: datetime) -> list[Outcome]:
    """Assign the orders to the job's assignee, or to nobody."""
    try:
        assignee = find_assignee(job.parameters.get("assignee"))
    except OrderError as error:  # who has left meanwhile
        return [Outcome(order.pk, Status.FAILED, error.message) for order in orders]
    changed = assign_to(orders, assignee, by=actor_of(job), at=at)
    return _outcomes(orders, changed, _("Order %(number)s is assigned so already."))


def hold(job: BulkJob, orders: Sequence[Order], *, at: datetime) -> list[Outcome]:
    """Put the orders on hold that can be."""
    until = job.parameters.get("until")
    end = datetime.fromisoformat(until) if until else None
    accepted, outcomes = _checked(orders, check_holdable)
    put_on_hold(accepted, reason=job.reason, until=end, by=actor_of(job), at=at)
    return outcomes


def release(job: BulkJob, orders: Sequence[Order], *, at: datetime) -> list[Outcome]:
    """Release the orders that are on hold."""
    accepted, outcomes = _checked(orders, check_releasable)
    end_hold(accepted, by=actor_of(job), at=at, data={"reason": job.reason} if job.reason else None)
    return outcomes


def _checked(orders: Sequence[Order], check: Callable[[Order], None]) -> tuple[list[Order], list[Outcome]]:
    accepted, outcomes = [], []
    for order in orders:
        try:
            check(order)
        except OrderError as error:
            outcomes.append(Outcome(order.pk, Status.SKIPPED, error.message))
        else:
            accepted.append(order)
            outcomes.append(Outcome(order.pk, Status.DONE))
    return accepted, outcomes


def _outcomes(orders: Sequence[Order], changed: set[int], otherwise: str) -> list[Outcome]:
    return [
        Outcome(order.pk, Status.DONE)
        if order.pk in changed
        else Outcome(order.pk, Status.SKIPPED, otherwise % {"number": order.number})
        for order in orders
    ]
