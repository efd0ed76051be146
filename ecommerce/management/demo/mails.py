"""A few mails of the newest acts, for the mailbox: the demo's orders are dated back, and mail nobody by themselves."""

from typing import Any

from django.db.models import QuerySet

from ecommerce.mails import acts
from ecommerce.models import Fulfillment, Order, OrderAct, Return

CONFIRMED, OTHERS = 6, 2


def write_mails() -> None:
    for order in _newest(Order.objects.exclude(paid_at=None), CONFIRMED):
        acts.order_confirmed(order)
    acts.shipped(_newest(Fulfillment.objects.exclude(tracking_number=""), OTHERS))
    for kind in (OrderAct.Kind.CANCEL, OrderAct.Kind.RETURN, OrderAct.Kind.REFUND):
        done = OrderAct.objects.filter(kind=kind, outcome=OrderAct.Outcome.DONE)
        OrderAct.objects.filter(pk__in=[act.pk for act in _newest(done, OTHERS)]).update(notify=True)
        acts.acts_completed(_newest(done, OTHERS))
    for one in _newest(Return.objects.filter(status=Return.Status.APPROVED), OTHERS):
        acts.return_approved(one)
    waiting = Order.objects.filter(status=Order.Status.CREATED)
    for order in _newest(waiting.filter(money_state=Order.MoneyState.PAYMENT_FAILED), OTHERS):
        acts.payment_failed(order, order.invoice.payments.latest("pk"))
    for order in _newest(waiting.filter(money_state=Order.MoneyState.AUTHENTICATION_REQUIRED), OTHERS):
        acts.authentication_required(order, order.invoice.payments.latest("pk"))


def _newest(rows: QuerySet[Any], count: int) -> list[Any]:
    return list(rows.order_by("-pk")[:count])[::-1]
