"""Requesting to cancel or return many orders in one transaction: acts and refunds are written, nothing is sent yet."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from billing.models import Payment
from ecommerce.bulk_jobs.outcomes import Outcome, Status
from ecommerce.bulk_jobs.permissions import actor_of
from ecommerce.models import BulkJob, Order, OrderAct, OrderEvent
from ecommerce.orders.cancel import request_cancel
from ecommerce.orders.errors import OrderError, in_flight, partly_fulfilled, return_open, wrong_status
from ecommerce.orders.history import status_events
from ecommerce.orders.refund import request_full_refunds
from ecommerce.orders.return_order import request_return
from ecommerce.orders.selectors import open_acts, succeeded_payments
from ecommerce.orders.whole_returns import open_returns

KINDS = {
    BulkJob.Action.CANCEL.value: (OrderAct.Kind.CANCEL, Order.Status.PAID),
    BulkJob.Action.RETURN.value: (OrderAct.Kind.RETURN, Order.Status.FULFILLED),
}


def request(job: BulkJob, orders: Sequence[Order], *, at: datetime) -> list[Outcome]:
    """Request the job's act for orders, whose locks the caller holds."""
    kind, needed = KINDS[job.action]
    acts = open_acts(orders)
    events = status_events(order for order in orders if order.status != needed)
    payments = succeeded_payments(orders)
    returns = open_returns(orders) if kind == OrderAct.Kind.RETURN else {}
    outcomes, to_refund = [], []
    for order in orders:
        act, payment = acts.get(order.pk), payments.get(order.invoice_id or 0)
        if act and act.kind == kind and act.is_whole:
            # Requested by a user or another job already: this one waits for the same act.
            outcomes.append(Outcome(order.pk, Status.WORKING, act_id=act.pk))
        elif act:
            outcomes.append(Outcome(order.pk, Status.PENDING, in_flight(order, act).message))
        elif order.status != needed:
            error = _wrong_status(order, kind, events=events)
            outcomes.append(Outcome(order.pk, Status.SKIPPED, error.message))
        elif kind == OrderAct.Kind.CANCEL and order.fulfillment_state:
            outcomes.append(Outcome(order.pk, Status.SKIPPED, partly_fulfilled(order).message))
        elif order.pk in returns:
            outcomes.append(Outcome(order.pk, Status.SKIPPED, return_open(order, returns[order.pk]).message))
        elif payment and payment.refundable and not (payment.dispute or order.attention):
            to_refund.append((order, payment))
        else:
            outcomes.append(_request_one(job, order, at=at))
    return outcomes + _request_refunds(job, to_refund, kind, at=at)


def _wrong_status(order: Order, kind: OrderAct.Kind, *, events: Mapping[int, OrderEvent]) -> OrderError:
    if kind == OrderAct.Kind.CANCEL:
        return wrong_status(order, needed=_("paid"), act=_("canceled"), events=events)
    return wrong_status(order, needed=_("fulfilled"), act=_("returned"), events=events)


def _request_one(job: BulkJob, order: Order, *, at: datetime) -> Outcome:
    # Nothing is left to refund, or the payment is disputed or needs attention: the single act knows these cases.
    by = actor_of(job)
    if job.action == BulkJob.Action.CANCEL:
        act = request_cancel(order, reason=job.reason, by=by, at=at)
    else:
        act = request_return(order, reason=job.reason, restock=job.restock, by=by, at=at)
    if act is None:
        return Outcome(order.pk, Status.DONE)
    OrderAct.objects.filter(pk=act.pk).update(of_jobs_only=True)
    return Outcome(order.pk, Status.WORKING, act_id=act.pk)


def _request_refunds(
    job: BulkJob, to_refund: Sequence[tuple[Order, Payment]], kind: OrderAct.Kind, *, at: datetime
) -> list[Outcome]:
    acts = request_full_refunds(to_refund, kind, reason=job.reason, restock=job.restock, by=actor_of(job), at=at)
    return [Outcome(act.order_id, Status.WORKING, act_id=act.pk) for act in acts]
