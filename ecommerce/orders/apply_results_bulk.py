"""Finishing the plain refunds of a bulk job together: the whole of a payment goes back, and Stripe said yes.

One after the other each takes twenty statements, and a job could not keep up with Stripe. What is not plain is left to
`finishing`, which knows every case; both leave the same rows.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from billing import invoices, payments
from billing.models import Payment, Refund
from billing.results import RefundResult, StripeResult
from ecommerce.models import BulkJobItem, Coupon, Order, OrderAct, OrderEvent, OrderItem, Sku

Kind, State = OrderAct.Kind, Order.MoneyState
WANTED_OF = {Kind.CANCEL: Order.Status.PAID, Kind.RETURN: Order.Status.FULFILLED}
ALSO = ("amount_refunded", "money_state", "attention", "held_at")
FEW = 2  # below this, sets cost more than they save


@dataclass(frozen=True, slots=True)
class Plain:
    """An answer and all that it is about."""

    answer: RefundResult
    refund: Refund
    act: OrderAct
    order: Order


def apply_full_refunds(locked: Sequence[Order], answers: Sequence[StripeResult], *, at: datetime) -> list[StripeResult]:
    """Finish the plain ones of these answers, whose orders and stock the caller locked; give back the others."""
    plain = _plain(locked, answers) if len(answers) >= FEW else []
    if len(plain) < FEW:
        return list(answers)
    done = {id(each.answer) for each in plain}
    for each in plain:
        _change(each, at=at)
    _write(plain, at=at)
    return [answer for answer in answers if id(answer) not in done]


def _plain(locked: Sequence[Order], answers: Sequence[StripeResult]) -> list[Plain]:
    yes = (Refund.Status.PENDING, Refund.Status.SUCCEEDED)
    by_refund = {
        answer.refund_id: answer
        for answer in answers
        if isinstance(answer, RefundResult) and answer.refund_id and answer.status in yes and not answer.refusal
    }
    if len(by_refund) < len(answers):
        return []  # mixed with what else was heard: the order of things matters then
    orders = {order.pk: order for order in locked if order.status in WANTED_OF.values() and not order.attention}
    acts = OrderAct.objects.filter(order__in=orders, closed_at=None, refund__in=by_refund, kind__in=WANTED_OF)
    act_of = {act.refund_id or 0: act for act in acts}
    refunds = Refund.objects.locked().filter(pk__in=act_of, status=Refund.Status.REQUESTED, stripe_refund_id=None)
    alone = _alone(list(orders.values()))
    return [
        Plain(by_refund[refund.pk], refund, act, orders[act.order_id])
        for refund, act in ((refund, act_of[refund.pk]) for refund in refunds)
        if act.order_id in alone and orders[act.order_id].status == WANTED_OF[Kind(act.kind)]
    ]


def _alone(orders: Sequence[Order]) -> set[int]:
    """Give the orders with one payment, not disputed, all of which goes back by one refund."""
    order_of = {order.invoice_id: order.pk for order in orders if order.invoice_id}
    paid = Payment.objects.filter(invoice__in=order_of).values_list("pk", "invoice_id", "status", "dispute", "amount")
    payments_of = Counter(invoice_id for _pk, invoice_id, *_rest in paid)
    rows = list(Refund.objects.filter(payment__invoice__in=order_of).values_list("payment_id", "amount"))
    refunds_of, sent = Counter(payment_id for payment_id, _amount in rows), dict(rows)
    return {
        order_of[invoice_id]
        for pk, invoice_id, status, dispute, amount in paid
        if (payments_of[invoice_id], refunds_of[pk], sent.get(pk)) == (1, 1, amount)
        and (status, dispute) == (Payment.Status.SUCCEEDED, "")
    }


def _change(each: Plain, *, at: datetime) -> None:
    """Run the order's own transition, and set what else changes of it."""
    order, act = each.order, each.act
    if act.kind == Kind.CANCEL:
        order.cancel(at=at)
    else:
        order.take_back(at=at)
    order.amount_refunded += each.refund.amount
    order.money_state = State.REFUND_PENDING if each.answer.status is Refund.Status.PENDING else ""


def _write(plain: Sequence[Plain], *, at: datetime) -> None:
    payments.apply_refund_results(results=[each.answer for each in plain], at=at)
    _restock(plain)
    for kind, old in WANTED_OF.items():
        orders = [each.order for each in plain if each.act.kind == kind]
        if orders:
            Order.objects.write_transitions(orders, old=old, also=ALSO)
    invoices.issue_credit_notes(owed=[(each.order.invoice_id or 0, each.refund) for each in plain], at=at)
    OrderEvent.objects.bulk_create([event for each in plain for event in _events(each, at=at)])
    acts = [each.act.pk for each in plain]
    OrderAct.objects.filter(pk__in=acts).update(closed_at=at, outcome=OrderAct.Outcome.DONE, message="")
    working = BulkJobItem.objects.filter(act__in=acts, status=BulkJobItem.Status.WORKING)
    working.update(status=BulkJobItem.Status.DONE, reason="")


def _events(each: Plain, *, at: datetime) -> list[OrderEvent]:
    refund, act = each.refund, each.act
    pending = each.answer.status is Refund.Status.PENDING
    told = {"amount": refund.amount, "currency": refund.currency, "refund": each.answer.stripe_id}
    back = OrderEvent(order=each.order, kind="refund_pending" if pending else "refunded", at=at, data=told)
    restocked = {} if act.kind == Kind.CANCEL else {"restock": act.restock}
    changed = OrderEvent(order=each.order, kind=each.order.status, at=at, data={"reason": act.reason} | restocked)
    for event, by in ((back, refund.by), (changed, act.by)):
        for name, value in by.columns.items():
            setattr(event, name, value)
    return [back, changed]


def _restock(plain: Sequence[Plain]) -> None:
    """Give stock and coupons back, each SKU and coupon once for all orders."""
    released = [each.order for each in plain if each.act.kind == Kind.CANCEL and each.order.held_at]
    returned = [each.order for each in plain if each.act.kind == Kind.RETURN and each.act.restock]
    items = OrderItem.objects.filter(order__in=[*released, *returned], sku__inventory_type=Sku.InventoryType.FINITE)
    quantities = Counter[int]()
    for sku_id, quantity in items.values_list("sku_id", "quantity"):
        quantities[sku_id] += quantity
    for sku_id, quantity in sorted(quantities.items()):
        Sku.objects.filter(pk=sku_id).update(inventory_quantity=F("inventory_quantity") + quantity)
    for coupon_id, uses in sorted(Counter(order.coupon_id for order in released if order.coupon_id).items()):
        Coupon.objects.filter(pk=coupon_id).update(times_redeemed=F("times_redeemed") - uses)
    for order in released:
        order.held_at = None
