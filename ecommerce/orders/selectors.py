"""Queries about one order that need more than its own row."""

from collections.abc import Collection, Sequence

from django.db import connection

from billing.models import Payment, Refund
from ecommerce.models import Order, OrderAct
from ecommerce.models.id_arrays import Among, array_of
from ecommerce.orders.payment_status import refunds_of, unresolved_failures

Status = Order.Status
ORDER_IDS_OF_PAYMENTS = """
SELECT p.id, o.id FROM billing_payment p JOIN billing_invoice i ON i.id = p.invoice_id
JOIN ecommerce_order o ON o.number = i.reference WHERE p.id = ANY(%s::bigint[])
"""


def open_act(order: Order) -> OrderAct | None:
    """The act that is open on the order, if any."""
    return OrderAct.objects.filter(order=order, closed_at=None).select_related("payment", "refund").first()


def open_acts(orders: Sequence[Order]) -> dict[int, OrderAct]:
    """The open act of each order that has one, by order id, in one query."""
    acts = OrderAct.objects.filter(Among((order.pk for order in orders), key="order"), closed_at=None)
    return {act.order_id: act for act in acts}


def succeeded_payment(order: Order) -> Payment | None:
    """Return the payment that paid the order; None where there was nothing to charge."""
    if order.invoice is None:
        return None
    # Filtered in Python, so that a page that has prefetched the payments makes no query.
    return next((each for each in order.invoice.payments.all() if each.status == Payment.Status.SUCCEEDED), None)


def succeeded_payments(orders: Sequence[Order]) -> dict[int, Payment]:
    """The payment that paid each order, by invoice id, in one query."""
    invoices = [order.invoice_id for order in orders if order.invoice_id]
    succeeded = Payment.objects.filter(invoice__in=invoices, status=Payment.Status.SUCCEEDED)
    return {payment.invoice_id: payment for payment in succeeded}


def order_ids_of_payments(payment_ids: Collection[int]) -> dict[int, int]:
    """Return the order of each payment; of those of void invoices too, which the order does not name any more."""
    with connection.cursor() as cursor:
        cursor.execute(ORDER_IDS_OF_PAYMENTS, [array_of(payment_ids)])
        return dict(cursor.fetchall())


def failed_refund(order: Order) -> Refund | None:
    """The latest refund that failed and that nothing has replaced."""
    # A failed refund is always in the attention, whatever state comes before it: a dispute, or an open act.
    if not order.attention:
        return None
    return next(reversed(unresolved_failures(order, refunds_of(order))), None)


def failed_refund_act(order: Order) -> OrderAct | None:
    """The act that this refund was for; None if Stripe or the system made it."""
    return getattr(failed_refund(order), "act", None)


def unsent_operation(order: Order, act: OrderAct | None) -> Payment | Refund | None:
    """Return the payment or refund that Stripe did not know for 23 hours, which only a user may send again."""
    operation = (act.payment or act.refund) if act else None
    if operation:
        return operation if operation.attention else None
    unsent = Refund.objects.filter(payment__invoice__reference=order.number, status=Refund.Status.REQUESTED)
    return unsent.exclude(attention="").select_related("payment").order_by("pk").first()


def allowed_acts(order: Order) -> set[str]:
    """Return what may be done to the order now, permissions aside.

    Of fulfill, fulfill_anyway, undo_fulfillment, cancel, cancel_items, return, refund, pay, try_again, send_again and
    settle_outside.
    """
    act = open_act(order)
    if act:
        return _allowed_while_open(act)
    acts = {
        Status.CREATED: {"pay", "cancel"},
        Status.PAID: {"fulfill", "cancel", "cancel_items"},
        Status.FULFILLED: {"return", "undo_fulfillment"},
    }.get(Status(order.status), set())
    if order.fulfillment_state:
        acts = (acts - {"cancel"}) | {"undo_fulfillment"}
    # Wholly refunded from Stripe's dashboard, it must not be sent.
    if order.on_hold or order.is_wholly_refunded:
        acts -= {"fulfill"}
    payment = succeeded_payment(order)
    if payment and payment.refundable and order.status in {Status.PAID, Status.FULFILLED, Status.RETURNED}:
        acts.add("refund")
    if order.attention:
        acts |= _recovery_acts(order)
        acts = {"fulfill_anyway" if act == "fulfill" else act for act in acts}
    return acts


def _recovery_acts(order: Order) -> set[str]:
    acts = {"send_again", "settle_outside"} if unsent_operation(order, None) else set()
    return acts | ({"try_again", "settle_outside"} if failed_refund(order) else set())


def _allowed_while_open(act: OrderAct) -> set[str]:
    # Both end the authentication at Stripe first.
    if act.payment and act.payment.status == Payment.Status.REQUIRES_ACTION:
        return {"pay", "cancel"}
    if unsent_operation(act.order, act):
        return {"send_again", "settle_outside"} if act.refund else {"send_again"}
    return set()
