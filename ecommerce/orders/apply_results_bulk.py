"""Apply the full refunds of a bulk job set-wise: each gives back all of one payment, and Stripe accepted it.

Applied one by one each takes twenty statements, and a job could not keep up with Stripe. Whatever else a result says
is left to `apply_results`, which knows every case; both write the same rows.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from backoffice.activity.origin import silent
from billing import invoices, refunds
from billing.models import Payment, Refund
from billing.results import RefundResult, StripeResult
from ecommerce.mails import acts as mails
from ecommerce.models import Coupon, Order, OrderAct, OrderEvent, OrderItem, Sku
from ecommerce.models.act import STATUS_BEFORE
from ecommerce.models.order import HOLD
from ecommerce.orders.completion import close_acts, refund_event, reverse_taxes, status_event
from ecommerce.orders.whole_returns import close_whole_returns

Kind = OrderAct.Kind
CHANGED_COLUMNS = ("amount_refunded", "money_state", "attention", "held_at", *HOLD)
MIN_TOGETHER = 2  # below this, sets cost more than they save


@dataclass(frozen=True, slots=True)
class FullRefund:
    """The accepted refund of everything an order had left, with the act that it completes."""

    result: RefundResult
    refund: Refund
    act: OrderAct
    order: Order


def apply_full_refunds(orders: Sequence[Order], results: Sequence[StripeResult], *, at: datetime) -> list[StripeResult]:
    """Apply the full refunds among results and return the other results.

    The caller has locked the orders, their invoices, SKUs and coupons.
    """
    full = _full_refunds(orders, results) if len(results) >= MIN_TOGETHER else []
    if len(full) < MIN_TOGETHER:
        return list(results)
    for each in full:
        _change_in_memory(each, at=at)
    _write(full, at=at)
    applied = {id(each.result) for each in full}
    return [result for result in results if id(result) not in applied]


def _full_refunds(orders: Sequence[Order], results: Sequence[StripeResult]) -> list[FullRefund]:
    by_refund = {
        result.refund_id: result
        for result in results
        if isinstance(result, RefundResult) and result.refund_id and _is_accepted(result)
    }
    if len(by_refund) < len(results):
        return []  # mixed with other results, or two of one refund: they may depend on their order
    # Where an order needs attention, only `payment_status.refresh` knows what of it stays.
    order_of = {order.pk: order for order in orders if order.status in STATUS_BEFORE.values() and not order.attention}
    acts = OrderAct.objects.filter(
        order__in=order_of, closed_at=None, refund__in=by_refund, kind__in=STATUS_BEFORE, lines=[]
    )
    act_of = {act.refund_id or 0: act for act in acts}
    # A refund in any other state has been applied before, or Stripe changed its mind.
    locked = Refund.objects.locked().filter(pk__in=act_of, status=Refund.Status.REQUESTED, stripe_refund_id=None)
    refunded_at_once = _refunded_at_once(list(order_of.values()))
    return [
        FullRefund(by_refund[refund.pk], refund, act, order_of[act.order_id])
        for refund, act in ((refund, act_of[refund.pk]) for refund in locked)
        if act.order_id in refunded_at_once and order_of[act.order_id].status == STATUS_BEFORE[act.kind]
    ]


def _is_accepted(result: RefundResult) -> bool:
    # With a refusal, the refund at Stripe is one that was made by hand.
    return result.status in {Refund.Status.PENDING, Refund.Status.SUCCEEDED} and not result.refusal


def _refunded_at_once(orders: Sequence[Order]) -> set[int]:
    """Return the ids of orders with one payment, not disputed, all of which goes back by one refund."""
    order_of = {order.invoice_id: order.pk for order in orders if order.invoice_id}
    paid = Payment.objects.filter(invoice__in=order_of).values_list("pk", "invoice_id", "status", "dispute", "amount")
    payments_of = Counter(invoice_id for _pk, invoice_id, *_rest in paid)
    rows = list(Refund.objects.filter(payment__invoice__in=order_of).values_list("payment_id", "amount"))
    refunds_of, amount_of = Counter(payment_id for payment_id, _amount in rows), dict(rows)
    return {
        order_of[invoice_id]
        for pk, invoice_id, status, dispute, amount in paid
        if (payments_of[invoice_id], refunds_of[pk], amount_of.get(pk)) == (1, 1, amount)
        and (status, dispute) == (Payment.Status.SUCCEEDED, "")
    }


def _change_in_memory(each: FullRefund, *, at: datetime) -> None:
    order, refund = each.order, each.refund
    if each.act.kind == Kind.CANCEL:
        order.cancel(at=at)
    else:
        order.return_order(at=at)
    refund.status, refund.stripe_refund_id = each.result.status, each.result.stripe_id
    order.amount_refunded += refund.amount
    order.money_state = Order.MoneyState.REFUND_PENDING if refund.status == Refund.Status.PENDING else ""


def _write(full: Sequence[FullRefund], *, at: datetime) -> None:
    # Raises if one is not as it was read; `apply_results` then applies them one by one.
    refunds.apply_refund_results(results=[each.result for each in full], at=at)
    _release(full)
    close_whole_returns([each.act for each in full if each.act.kind == Kind.RETURN], at=at)
    for kind, status in STATUS_BEFORE.items():
        orders = [each.order for each in full if each.act.kind == kind]
        if orders:
            Order.objects.write_transitions(orders, old=status, also=CHANGED_COLUMNS)
    canceled = [each.order for each in full if each.act.kind == Kind.CANCEL]
    OrderItem.objects.filter(order__in=canceled).cancel_left()
    # Late, since every order waits for the counter of their numbers.
    invoices.issue_credit_notes(owed=[(each.order.invoice_id or 0, each.refund) for each in full], at=at)
    reverse_taxes([(each.order, each.refund) for each in full], at=at)
    OrderEvent.objects.bulk_create(event for each in full for event in _events(each, at=at))
    mails.acts_completed([each.act for each in full])
    close_acts([each.act for each in full], OrderAct.Outcome.DONE, at=at)


def _events(each: FullRefund, *, at: datetime) -> tuple[OrderEvent, OrderEvent]:
    return refund_event(each.order, each.refund, at=at), status_event(each.order, each.act, at=at)


def _release(full: Sequence[FullRefund]) -> None:
    released = [each.order for each in full if each.act.kind == Kind.CANCEL and each.order.held_at]
    items = OrderItem.objects.filter(order__in=released, sku__inventory_type=Sku.InventoryType.FINITE)
    quantities = Counter[int]()
    for sku_id, quantity in items.values_list("sku_id", F("quantity") - F("canceled")):
        quantities[sku_id] += quantity
    # One UPDATE for each SKU and coupon, however many orders share it; the orders' histories have them.
    with silent():
        for sku_id, quantity in sorted(quantities.items()):
            Sku.objects.filter(pk=sku_id).update(inventory_quantity=F("inventory_quantity") + quantity)
        for coupon_id, uses in sorted(Counter(order.coupon_id for order in released if order.coupon_id).items()):
            Coupon.objects.filter(pk=coupon_id).update(times_redeemed=F("times_redeemed") - uses)
    for order in released:
        order.held_at = None
