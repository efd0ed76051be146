"""Beginning to cancel or return many orders in one transaction: acts and refunds are written, nothing is sent yet."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from billing.models import Payment
from ecommerce.bulk_jobs.outcomes import Outcome, Status
from ecommerce.bulk_jobs.permissions import actor_of
from ecommerce.models import BulkJob, Order, OrderAct, OrderEvent
from ecommerce.orders.cancel import request_cancel
from ecommerce.orders.errors import OrderError, in_flight, wrong_status
from ecommerce.orders.history import status_events
from ecommerce.orders.refund import request_full_refunds
from ecommerce.orders.return_order import request_return
from ecommerce.orders.selectors import open_acts, succeeded_payments

KINDS = {
    BulkJob.Action.CANCEL.value: (OrderAct.Kind.CANCEL, Order.Status.PAID),
    BulkJob.Action.RETURN.value: (OrderAct.Kind.RETURN, Order.Status.FULFILLED),
}


def begin(job: BulkJob, orders: Sequence[Order], *, at: datetime) -> list[Outcome]:
    """Begin with the orders, whose locks the caller holds, and say what became of each for now."""
    kind, needed = KINDS[job.action]
    known = open_acts(orders)
    stuck = status_events(order for order in orders if order.status != needed)
    payments = succeeded_payments(orders)
    outcomes, owed = [], []
    for order in orders:
        act, payment = known.get(order.pk), payments.get(order.invoice_id or 0)
        if act and act.kind == kind:
            outcomes.append(Outcome(order.pk, Status.WORKING, act_id=act.pk))
        elif act:
            outcomes.append(Outcome(order.pk, Status.PENDING, in_flight(order, act).message))
        elif order.status != needed:
            refused = _refused(order, kind, events=stuck)
            outcomes.append(Outcome(order.pk, Status.SKIPPED, refused.message))
        elif payment and payment.refundable and not (payment.dispute or order.attention):
            owed.append((order, payment))
        else:
            outcomes.append(_by_itself(job, order, at=at))
    return outcomes + _send_back(job, owed, kind, at=at)


def _refused(order: Order, kind: OrderAct.Kind, *, events: Mapping[int, OrderEvent]) -> OrderError:
    if kind == OrderAct.Kind.CANCEL:
        return wrong_status(order, needed=_("paid"), act=_("canceled"), events=events)
    return wrong_status(order, needed=_("fulfilled"), act=_("returned"), events=events)


def _by_itself(job: BulkJob, order: Order, *, at: datetime) -> Outcome:
    """Begin with an order that is not like the others: nothing is left to refund, or something is the matter."""
    by = actor_of(job)
    if job.action == BulkJob.Action.CANCEL:
        act = request_cancel(order, reason=job.reason, by=by, at=at)
    else:
        act = request_return(order, reason=job.reason, restock=job.restock, by=by, at=at)
    return Outcome(order.pk, Status.WORKING, act_id=act.pk) if act else Outcome(order.pk, Status.DONE)


def _send_back(
    job: BulkJob, owed: Sequence[tuple[Order, Payment]], kind: OrderAct.Kind, *, at: datetime
) -> list[Outcome]:
    acts = request_full_refunds(owed, kind, reason=job.reason, restock=job.restock, by=actor_of(job), at=at)
    return [Outcome(act.order_id, Status.WORKING, act_id=act.pk) for act in acts]
