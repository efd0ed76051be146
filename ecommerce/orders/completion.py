"""What an applied result changes of its order: paid, canceled or returned, and the end of its act.

Every function runs in the transaction of its caller, who holds the order's lock and saves the order.
"""

from collections.abc import Sequence
from datetime import datetime

from billing import invoices, tax_transactions
from billing.models import Payment, Refund
from billing.payments import RetryLater
from billing.tax_allocations import reversals_of
from customers.actors import Actor
from ecommerce.models import BulkJobItem, Order, OrderAct, OrderEvent
from ecommerce.orders import stock
from ecommerce.orders.history import new_event, record

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


def complete_refund(order: Order, refund: Refund, act: OrderAct | None, *, at: datetime, message: str = "") -> None:
    """Change the order as a refund that Stripe accepted, or a user settled outside, says; `act` is what it is for."""
    reduces_order = refunds_the_order(refund)
    if reduces_order:
        order.amount_refunded += refund.amount
    if act:
        complete_act(order, act, at=at)
    if reduces_order and order.invoice:
        invoices.issue_credit_note(invoice=order.invoice, refund=refund, at=at)
        reverse_taxes([(order, refund)], at=at)
    if act:
        # Last, since job items are last in the lock order.
        close_acts([act], OrderAct.Outcome.DONE, at=at, message=message)


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
    """Cancel or return the order if it is still in the status the act was requested in; a refund changes none."""
    if act.kind == Kind.CANCEL and order.status == Order.Status.PAID:
        order.cancel(at=at)
        order.items.all().cancel_left()
        stock.release(order)
    elif act.kind == Kind.RETURN and order.status == Order.Status.FULFILLED:
        order.return_order(at=at)
        if act.restock:
            stock.restock(order)
    else:
        return  # a partial refund leaves the status
    status_event(order, act, at=at).save()


def status_event(order: Order, act: OrderAct, *, at: datetime) -> OrderEvent:
    """The unsaved event of an order that its act has canceled or returned."""
    restock = {"restock": act.restock} if act.kind == Kind.RETURN else {}
    return new_event(order, OrderEvent.Kind(order.status), by=act.by, at=at, reason=act.reason, **restock)


def refund_event(order: Order, refund: Refund, *, at: datetime) -> OrderEvent:
    """The unsaved event of a refund that Stripe has accepted."""
    pending = refund.status == Refund.Status.PENDING
    kind = OrderEvent.Kind.REFUND_PENDING if pending else OrderEvent.Kind.REFUNDED
    data = {"amount": refund.amount, "currency": refund.currency, "refund": str(refund)}
    return new_event(order, kind, by=refund.by, at=at, **data)


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
