"""Questions about one order that need more than its own row."""

from collections.abc import Sequence

from billing.models import Payment, Refund
from ecommerce.models import Order, OrderAct
from ecommerce.models.order import Among
from ecommerce.orders.payment_status import refunds_of, waiting_refunds


def open_act(order: Order) -> OrderAct | None:
    """Give what is in flight with the order's money."""
    return OrderAct.objects.filter(order=order, closed_at=None).select_related("payment", "refund").first()


def open_acts(orders: Sequence[Order]) -> dict[int, OrderAct]:
    """Give, by order, what is in flight with the money of each."""
    in_flight = OrderAct.objects.filter(Among((order.pk for order in orders), key="order"), closed_at=None)
    return {act.order_id: act for act in in_flight}


def succeeded_payment(order: Order) -> Payment | None:
    """Give the payment that paid the order; none where there was nothing to charge."""
    if order.invoice is None:
        return None
    # Without a filter of its own, so that a page that has the payments already asks nothing.
    return next((each for each in order.invoice.payments.all() if each.status == Payment.Status.SUCCEEDED), None)


def succeeded_payments(orders: Sequence[Order]) -> dict[int, Payment]:
    """Give, by invoice, the payments that paid orders."""
    invoices = [order.invoice_id for order in orders if order.invoice_id]
    paid = Payment.objects.filter(invoice__in=invoices, status=Payment.Status.SUCCEEDED)
    return {payment.invoice_id: payment for payment in paid}


def failed_refund(order: Order) -> Refund | None:
    """Give the last refund that failed and that nobody has made good."""
    waiting = waiting_refunds(order, refunds_of(order)) if order.money_state == Order.MoneyState.REFUND_FAILED else []
    return waiting[-1] if waiting else None


def failed_refund_act(order: Order) -> OrderAct | None:
    """Give the act that the last such refund was for; none where Stripe or the system began it."""
    return getattr(failed_refund(order), "act", None)


def unsent_operation(order: Order, act: OrderAct | None) -> Payment | Refund | None:
    """Give the charge or refund that Stripe knew nothing of for 23 hours."""
    wish = (act.payment or act.refund) if act else None
    if wish:
        return wish if wish.attention else None
    unsent = Refund.objects.filter(payment__invoice=order.invoice_id, status=Refund.Status.REQUESTED)
    return unsent.exclude(attention="").select_related("payment").order_by("pk").first()


def allowed_acts(order: Order) -> set[str]:
    """Say what may happen to the order now, permissions aside.

    Of fulfill, cancel, return, refund, pay, try_again, send_again and settle_outside.
    """
    act = open_act(order)
    if act:
        return _while_open(act)
    acts = {
        Order.Status.CREATED: {"pay", "cancel"},
        Order.Status.PAID: {"fulfill", "cancel"},
        Order.Status.FULFILLED: {"return"},
    }.get(Order.Status(order.status), set())
    if order.total and order.amount_refunded >= order.total:
        acts -= {"fulfill"}
    payment = succeeded_payment(order)
    if payment and payment.refundable and order.status in {Order.Status.PAID, Order.Status.FULFILLED}:
        acts.add("refund")
    if order.attention:
        acts |= _mending(order)
    return acts


def _mending(order: Order) -> set[str]:
    if unsent_operation(order, None):
        return {"send_again", "settle_outside"}
    return {"try_again", "settle_outside"} if failed_refund(order) else set()


def _while_open(act: OrderAct) -> set[str]:
    if act.payment and act.payment.status == Payment.Status.REQUIRES_ACTION:
        return {"pay", "cancel"}
    if unsent_operation(act.order, act):
        return {"send_again", "settle_outside"} if act.refund else {"send_again"}
    return set()
