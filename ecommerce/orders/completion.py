"""Closing an act: what was wanted is carried out, or given up, and every job that waited for it is told."""

from datetime import datetime

from ecommerce.models import BulkJobItem, Order, OrderAct
from ecommerce.orders import stock
from ecommerce.orders.history import record

Kind = OrderAct.Kind


def complete(order: Order, act: OrderAct, *, at: datetime) -> None:
    """Change the order as the act wants, now that its money went back; the caller saves the order."""
    if act.kind == Kind.CANCEL and order.status == Order.Status.PAID:
        order.cancel(at=at)
        stock.release(order)
        record(order, "canceled", by=act.by, at=at, reason=act.reason)
    elif act.kind == Kind.RETURN and order.status == Order.Status.FULFILLED:
        order.take_back(at=at)
        if act.restock:
            stock.restock(order)
        record(order, "returned", by=act.by, at=at, reason=act.reason, restock=act.restock)


def close_act(act: OrderAct, outcome: OrderAct.Outcome, *, at: datetime, message: str = "") -> None:
    """Close an act, and give every item of a job that waited for it its one outcome."""
    OrderAct.objects.filter(pk=act.pk, closed_at=None).update(closed_at=at, outcome=outcome, message=message)
    act.refresh_from_db()
    _tell_jobs(act)


def _tell_jobs(act: OrderAct) -> None:
    done = act.outcome == OrderAct.Outcome.DONE
    status = BulkJobItem.Status.DONE if done else BulkJobItem.Status.FAILED
    # Their slices are counted by the job's worker: counters bumped here would make finishers wait for each other.
    waiting = BulkJobItem.Status.WORKING
    BulkJobItem.objects.filter(act=act, status=waiting).update(status=status, reason=act.message)
