"""What an applied result changes of its order: paid, canceled or returned, whole or in part, and the end of its act.

Every function runs in the transaction of its caller, who holds the order's lock and saves the order.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db.models import F
from django.utils.translation import gettext as _

from billing import invoices, tax_transactions
from billing.models import Payment, Refund
from billing.refunds import RetryLater
from billing.tax_allocations import reversals_of
from customers.actors import Actor
from ecommerce.mails import acts as mails
from ecommerce.models import BulkJobItem, Order, OrderAct, OrderEvent, OrderItem, Return
from ecommerce.orders import stock
from ecommerce.orders.allocations import read_cells
from ecommerce.orders.history import new_event, record
from ecommerce.orders.parcels import in_words
from ecommerce.orders.selectors import succeeded_payment
from ecommerce.orders.whole_returns import close_whole_returns

Kind = OrderAct.Kind


def mark_paid(order: Order, payment: Payment | None = None, *, by: Actor, at: datetime, **data: str) -> None:
    """Mark the order and its open invoice paid; `data` goes into the event. Raise RuntimeError without an invoice."""
    if order.invoice is None:
        raise RuntimeError(f"Order {order.number} has no invoice to pay.")
    invoices.mark_paid(invoice=order.invoice, at=at)
    if order.tax_calculation_id:
        tax_transactions.request_transaction(
            invoice=order.invoice, payment=payment, calculation_id=order.tax_calculation_id, at=at
        )
    paid_by = {"payment": str(payment)} if payment else {}
    order.pay(at=at)
    order.money_state = ""
    order.attention = ""
    record(order, OrderEvent.Kind.PAID, by=by, at=at, amount=order.total, currency=order.currency, **paid_by, **data)
    mails.order_confirmed(order)


def complete_refund(order: Order, refund: Refund, act: OrderAct | None, *, at: datetime, message: str = "") -> None:
    """Change the order as a refund that Stripe accepted, or a user settled outside, says; `act` is what it is for."""
    reduces_order = refunds_the_order(refund)
    if reduces_order:
        order.amount_refunded += refund.amount
        order.fees_kept += refund.fees
    if act:
        complete_act(order, act, at=at)
    if not act or act.kind == Kind.REFUND:
        # The goods may have come back before.
        _return_if_all_came_back(order, by=refund.by, at=at)
    if reduces_order and order.invoice:
        invoices.issue_credit_note(invoice=order.invoice, refund=refund, at=at)
        reverse_taxes([(order, refund)], at=at)
    if act:
        mails.act_completed(act)
        # Last, since job items are last in the lock order.
        close_acts([act], OrderAct.Outcome.DONE, at=at, message=message)
    else:
        mails.refunded(order, refund)


def reverse_taxes(refunded: Sequence[tuple[Order, Refund]], *, at: datetime) -> None:
    """Have Stripe Tax take back what accepted refunds gave back, where it computed the taxes."""
    refunds = [refund for order, refund in refunded if order.tax_calculation_id]
    if refunds:
        tax_transactions.request_reversals(reversals=reversals_of(refunds), at=at)


def refunds_the_order(refund: Refund) -> bool:
    """Return False for the refund of a payment that had been given up; raise RetryLater while it is not known."""
    status = refund.payment.status
    if status not in {Payment.Status.SUCCEEDED, Payment.Status.FAILED}:
        raise RetryLater(f"{refund} refunds payment {refund.payment}, which is {status}.")
    return status == Payment.Status.SUCCEEDED


def complete_act(order: Order, act: OrderAct, *, at: datetime) -> None:
    """Do what an act is for, if the order is still in the status it was requested in; a refund changes none."""
    match act.kind:
        case Kind.CANCEL if order.status == Order.Status.PAID:
            order.cancel(at=at)
            stock.release(order)
            order.items.all().cancel_left()
            status_event(order, act, at=at).save()
        case Kind.CANCEL_ITEMS if order.status == Order.Status.PAID:
            _cancel_items(order, act, at=at)
        case Kind.RETURN if act.is_whole and order.status == Order.Status.FULFILLED:
            order.return_order(at=at)
            close_whole_returns([act], at=at)
            status_event(order, act, at=at).save()
        case Kind.RETURN if act.order_return:
            close_document(order, act.order_return, by=act.by, at=at, reason=act.reason)


def status_event(order: Order, act: OrderAct, *, at: datetime) -> OrderEvent:
    """The unsaved event of an order that its act has canceled or returned as a whole."""
    data: dict[str, object] = {"reason": act.reason}
    if act.order_return:
        data |= {"restock": act.restock, "return": act.order_return.number}
    return new_event(order, OrderEvent.Kind(order.status), by=act.by, at=at, ids={"refund_id": act.refund_id}, **data)


def _cancel_items(order: Order, act: OrderAct, *, at: datetime) -> None:
    items = list(order.items.order_by("pk"))
    units = dict(act.lines)
    canceled = [item for item in items if item.pk in units]
    for item in canceled:
        item.canceled += units[item.pk]
    OrderItem.objects.bulk_update(canceled, ["canceled"])
    if order.held_at is not None:
        back = Counter[int]()
        for item in canceled:
            if item.sku_id:
                back[item.sku_id] += units[item.pk]
        stock.put_back(back)
    data = {"reason": act.reason, "items": in_words(canceled, units)}
    record(order, OrderEvent.Kind.ITEMS_CANCELED, by=act.by, at=at, **data)
    if not any(item.left_to_send for item in items) and any(item.fulfilled for item in items):
        order.fulfill(at=at)
        record(order, OrderEvent.Kind.FULFILLED, by=act.by, at=at, reason=_("Nothing is left to send."))
        _return_if_all_came_back(order, by=act.by, at=at)


def close_document(order: Order, one: Return, *, by: Actor, at: datetime, **data: str) -> None:
    """Close a received return, and return its order once all that was sent came back and was refunded."""
    one = Return.objects.select_for_update().get(pk=one.pk)
    one.status, one.closed_at = Return.Status.CLOSED, at
    one.save(update_fields=["status", "closed_at"])
    data["return"] = one.number
    record(order, OrderEvent.Kind.RETURN_CLOSED, by=by, at=at, **data)
    _return_if_all_came_back(order, by=by, at=at, **data)


def _return_if_all_came_back(order: Order, *, by: Actor, at: datetime, **data: str) -> None:
    if order.status == Order.Status.FULFILLED and all_came_back(order) and _is_refunded(order):
        order.return_order(at=at)
        record(order, OrderEvent.Kind.RETURNED, by=by, at=at, **data)


def all_came_back(order: Order) -> bool:
    """Whether nothing is left to send, and all that was sent is back; what is not shipped does not count."""
    out = order.items.filter(shippable=True).exclude(returned=F("quantity") - F("canceled"))
    return not out.exists() and order.items.filter(returned__gt=0).exists()


def _is_refunded(order: Order) -> bool:
    """Whether nothing is left to refund of what is shipped; shipping that is kept, and what is digital, don't count."""
    payment = succeeded_payment(order)
    if payment is None or order.invoice is None or not payment.refundable:
        return True
    shippable = order.items.order_by("pk").values_list("shippable", flat=True)
    cells = read_cells(order.invoice).left.items
    return not any(ships and each.units and each.total for ships, each in zip(shippable, cells, strict=True))


def refund_event(order: Order, refund: Refund, *, at: datetime) -> OrderEvent:
    """The unsaved event of a refund that Stripe has accepted."""
    pending = refund.status == Refund.Status.PENDING
    kind = OrderEvent.Kind.REFUND_PENDING if pending else OrderEvent.Kind.REFUNDED
    data = {"amount": refund.amount, "currency": refund.currency, "refund": str(refund), "refund_id": refund.pk}
    return new_event(order, kind, by=refund.by, at=at, ids={"refund_id": refund.pk}, **data)


def explain_waiting(act: OrderAct | None, reason: str) -> None:
    """Have the bulk job items that wait for an open act say what it waits for; an empty reason says nothing."""
    if act:
        BulkJobItem.objects.waiting_for([act]).update(reason=reason)


def close_acts(acts: Sequence[OrderAct], outcome: OrderAct.Outcome, *, at: datetime, message: str = "") -> None:
    """Close open acts, and with them the bulk job items that wait for them."""
    # Conditional, so that an outcome is never overwritten.
    still_open = OrderAct.objects.filter(pk__in=[act.pk for act in acts], closed_at=None)
    still_open.update(closed_at=at, outcome=outcome, message=message)
    # No job waits for a payment.
    BulkJobItem.objects.close_for([act for act in acts if act.kind != Kind.PAY], outcome, reason=message)
