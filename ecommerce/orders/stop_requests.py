"""Close acts whose refund was never sent, and leave their orders as they were before the request."""

from collections.abc import Sequence
from datetime import datetime

from billing import unsent
from billing.models import Payment, Refund
from customers.actors import SYSTEM
from ecommerce.models import Order, OrderAct, OrderEvent
from ecommerce.orders.history import new_event
from ecommerce.orders.payment_status import refresh


def stop_requests(orders: Sequence[Order], acts: Sequence[OrderAct], *, reason: str, at: datetime) -> list[OrderAct]:
    """Close those of the open acts of locked orders whose refund was never sent; return them."""
    unsent_ids = unsent.lock_unsent([act.refund_id for act in acts if act.refund_id])
    stopped = [act for act in acts if act.refund_id in unsent_ids]
    OrderAct.objects.filter(pk__in=[act.pk for act in stopped]).update(
        refund=None, closed_at=at, outcome=OrderAct.Outcome.STOPPED, message=reason
    )
    unsent.delete_unsent(unsent_ids)
    stopped_orders = {act.order_id for act in stopped}
    _restore([order for order in orders if order.pk in stopped_orders])
    OrderEvent.objects.bulk_create(_event(act, reason, at=at) for act in stopped)
    return stopped


def _restore(orders: Sequence[Order]) -> None:
    plain = _without_other_state(orders)
    Order.objects.filter(pk__in=plain).update(money_state="", attention="")
    for order in orders:
        if order.pk not in plain:
            refresh(order, None)  # other refunds, disputes or mismatches have something to say


def _without_other_state(orders: Sequence[Order]) -> set[int]:
    """Return the ids of orders that the stopped refund alone gave a money state: most, and they need no queries."""
    order_of = {order.invoice_id: order.pk for order in orders if order.invoice_id and not order.attention}
    disputed = Payment.objects.filter(invoice__in=order_of).exclude(dispute="").values_list("invoice_id", flat=True)
    refunded = Refund.objects.filter(payment__invoice__in=order_of).values_list("payment__invoice_id", flat=True)
    return {order_of[invoice_id] for invoice_id in set(order_of) - set(disputed) - set(refunded)}


def _event(act: OrderAct, reason: str, *, at: datetime) -> OrderEvent:
    amount = act.refund.amount if act.refund else 0
    data = {"reason": reason, "amount": amount, "currency": act.order.currency}
    ids = {"refund_id": act.refund_id}
    return new_event(act.order, OrderEvent.Kind.REQUEST_STOPPED, by=SYSTEM, at=at, ids=ids, **data)
