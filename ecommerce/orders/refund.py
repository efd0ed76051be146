"""Cancel, return, refund: money goes back, and the order changes once Stripe has said yes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.db import transaction
from django.utils.translation import gettext as _

from billing import invoices, payments
from billing.models import Payment, Refund
from billing.money import format_money, is_on_step, off_step
from customers.actors import Actor
from ecommerce.models import Order, OrderAct
from ecommerce.orders import completion, stock
from ecommerce.orders.errors import OrderError, from_pricing_error, in_flight, wrong_status
from ecommerce.orders.history import record, record_many
from ecommerce.orders.pay import end_authentication
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.selectors import open_act, succeeded_payment
from ecommerce.pricing import Line, PricingError, Totals, refund_for_items

Kind = OrderAct.Kind


def cancel(*, order_id: int, reason: str, by: Actor, at: datetime) -> Order:
    """Cancel a created order at once, or begin the refund that cancels a paid one; raise OrderRefused."""
    end_authentication(order_id=order_id, at=at)
    with transaction.atomic():
        order = _locked(order_id)
        request_cancel(order, reason=reason, by=by, at=at)
    return order


def return_order(*, order_id: int, reason: str, restock: bool, by: Actor, at: datetime) -> Order:
    """Begin the refund that returns a fulfilled order; raise OrderRefused."""
    with transaction.atomic():
        order = _locked(order_id)
        request_return(order, reason=reason, restock=restock, by=by, at=at)
    return order


def refund(
    *,
    order_id: int,
    reason: str,
    by: Actor,
    at: datetime,
    amount: int | None = None,
    lines: Sequence[tuple[int, int]] = (),
    left: int | None = None,
) -> Order:
    """Begin a refund of a part: an amount in the minor unit, or items as pairs of id and quantity.

    `left`, in the minor unit, is what could still be refunded when it was decided: refused where that has changed,
    so that a button pressed twice refunds once.
    """
    with transaction.atomic():
        order = _locked(order_id)
        _check_refundable(order)
        _check_left(order, left)
        owed = refund_amount_for_items(order, lines) if amount is None else amount
        payment = check_partial_refund(order, owed)
        act = open_refund_act(order, Kind.REFUND, reason=reason, by=by, at=at, lines=[list(line) for line in lines])
        request_refund(order, act, payment, owed, by=by, at=at)
    return order


def request_cancel(order: Order, *, reason: str, by: Actor, at: datetime) -> OrderAct | None:
    """Begin to cancel an order whose lock the caller holds; give the act in flight, if money must go back."""
    joined = _joined(order, Kind.CANCEL)
    if joined:
        return joined
    if order.status == Order.Status.CREATED:
        _cancel_unpaid(order, reason=reason, by=by, at=at)
        return None
    if order.status != Order.Status.PAID:
        raise wrong_status(order, needed=_("created or paid"), act=_("canceled"))
    return _undo(order, Kind.CANCEL, reason=reason, restock=True, by=by, at=at)


def request_return(order: Order, *, reason: str, restock: bool, by: Actor, at: datetime) -> OrderAct | None:
    """Begin to return an order whose lock the caller holds; give the act in flight, if money must go back."""
    joined = _joined(order, Kind.RETURN)
    if joined:
        return joined
    if order.status != Order.Status.FULFILLED:
        raise wrong_status(order, needed=_("fulfilled"), act=_("returned"))
    return _undo(order, Kind.RETURN, reason=reason, restock=restock, by=by, at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundTerms:
    """What is wanted of many orders alike."""

    kind: OrderAct.Kind
    reason: str
    restock: bool
    by: Actor


def request_refunds(owed: Sequence[tuple[Order, Payment]], wanted: RefundTerms, *, at: datetime) -> list[OrderAct]:
    """Begin to send back what is left of these payments; the caller locked the orders and knows that they may."""
    by_payment = {payment.pk: order for order, payment in owed}
    amounts = [(payment, payment.refundable) for _order, payment in owed]
    refunds = payments.create_refunds(amounts=amounts, reason=wanted.reason, by=wanted.by, at=at)
    terms = {"kind": wanted.kind, "reason": wanted.reason, "restock": wanted.restock, "requested_at": at}
    acts = [
        OrderAct(order=by_payment[refund.payment_id], refund=refund, **terms, **wanted.by.columns) for refund in refunds
    ]
    in_progress = Order.objects.filter(pk__in=[act.order_id for act in acts])
    in_progress.update(money_state=Order.MoneyState.REFUND_IN_PROGRESS, attention="")
    record_many([(act.order, _facts(act)) for act in acts], f"{wanted.kind}_requested", by=wanted.by, at=at)
    return OrderAct.objects.bulk_create(acts)


def _facts(act: OrderAct) -> dict[str, Any]:
    refund = cast("Refund", act.refund)
    return {"reason": act.reason, "amount": refund.amount, "currency": refund.currency}


def _locked(order_id: int) -> Order:
    return Order.objects.locked().select_related("invoice").get(pk=order_id)


def _joined(order: Order, kind: OrderAct.Kind) -> OrderAct | None:
    """Give the act in flight if it is of this kind; refuse if it is another."""
    act = open_act(order)
    if act and act.kind != kind:
        raise in_flight(order, act)
    return act


def _cancel_unpaid(order: Order, *, reason: str, by: Actor, at: datetime) -> None:
    order.cancel(at=at)
    stock.release(order)
    if order.invoice:
        invoices.void(invoice=order.invoice, at=at)
    refresh(order, None)
    order.save()
    record(order, "canceled", by=by, at=at, reason=reason)


def _undo(order: Order, kind: OrderAct.Kind, *, reason: str, restock: bool, by: Actor, at: datetime) -> OrderAct | None:
    payment = succeeded_payment(order)
    act = open_refund_act(order, kind, reason=reason, by=by, at=at, restock=restock)
    if payment and payment.refundable:
        request_refund(order, act, payment, payment.refundable, by=by, at=at)
        return act
    completion.complete(order, act, at=at)
    completion.close_act(act, OrderAct.Outcome.DONE, at=at)
    refresh(order, None)
    order.save()
    return None


def open_refund_act(order: Order, kind: OrderAct.Kind, *, by: Actor, at: datetime, **columns: object) -> OrderAct:
    """Open an act that waits for a refund, on an order whose lock the caller holds."""
    return OrderAct.objects.create(order=order, kind=kind, requested_at=at, **by.columns, **columns)


def request_refund(order: Order, act: OrderAct, payment: Payment, amount: int, *, by: Actor, at: datetime) -> None:
    """Begin the refund of an act, on an order whose lock the caller holds."""
    act.refund = payments.create_refund(payment=payment, amount=amount, reason=act.reason, by=by, at=at)
    act.save(update_fields=["refund"])
    order.money_state = Order.MoneyState.REFUND_IN_PROGRESS
    if order.attention:
        refresh(order, act)
    order.save()
    kind = f"{act.kind}_requested"
    record(order, kind, by=by, at=at, reason=act.reason, amount=amount, currency=order.currency)


def _check_refundable(order: Order) -> None:
    if order.status not in {Order.Status.PAID, Order.Status.FULFILLED}:
        raise wrong_status(order, needed=_("paid or fulfilled"), act=_("refunded in part"))
    act = open_act(order)
    if act:
        raise in_flight(order, act)


def _check_left(order: Order, left: int | None) -> None:
    payment = succeeded_payment(order)
    if left is None or payment is None or payment.refundable == left:
        return
    last = payment.refund_set.order_by("requested_at").last()
    told = {
        "number": order.number,
        "left": format_money(payment.refundable, order.currency),
        "money": format_money(last.amount, order.currency) if last else "",
        "by": last.by_label if last else "",
        "when": f"{last.requested_at:%Y-%m-%d %H:%M %Z}" if last else "",
    }
    sentence = _(
        "Order %(number)s has changed meanwhile: the last refund is %(money)s, by %(by)s at %(when)s, and %(left)s "
        "can still be refunded. Nothing more was sent."
    )
    raise OrderError("refunded_meanwhile", sentence % told, field="amount")


def check_partial_refund(order: Order, owed: int) -> Payment:
    """Give the payment that this much can be refunded of, some being left of it then; raise OrderRefused."""
    payment = succeeded_payment(order)
    left = payment.refundable if payment else 0
    money = format_money(left, order.currency)
    if not is_on_step(owed, order.currency):
        raise OrderError("invalid_amount", str(off_step(order.currency)), field="amount")
    if owed <= 0:
        sentence = _("Give an amount above zero: %(left)s can still be refunded.") % {"left": money}
        raise OrderError("invalid_amount", sentence, field="amount")
    if payment is None or owed > left:
        sentence = _("At most %(left)s can still be refunded.") % {"left": money}
        raise OrderError("amount_too_large", sentence, field="amount")
    if owed == left:
        instead = _("cancel") if order.status == Order.Status.PAID else _("return")
        told = {"left": money, "instead": instead}
        sentence = _("That is all that is left, %(left)s: %(instead)s the order instead.") % told
        raise OrderError("whole_amount", sentence, field="amount")
    return payment


def refund_amount_for_items(order: Order, lines: Sequence[tuple[int, int]]) -> int:
    """Say what is owed for returning these items, pairs of id and quantity; raise OrderRefused."""
    items = list(order.items.order_by("pk"))
    wanted: Counter[int] = Counter()
    for item_id, quantity in lines:
        wanted[item_id] += quantity
    if not wanted or set(wanted) - {item.pk for item in items}:
        raise OrderError("invalid_items", _("Choose items of this order."), field="items")
    returned = returned_quantities(order)
    try:
        return refund_for_items(
            [Line(sku_id=item.sku_id, unit_price=item.unit_price, quantity=item.quantity) for item in items],
            _totals(order, [item.amount for item in items]),
            returned=[returned.get(item.pk, 0) for item in items],
            returning=[wanted[item.pk] for item in items],
        )
    except PricingError as refused:
        raise from_pricing_error(refused) from refused


def returned_quantities(order: Order) -> dict[int, int]:
    """Say how many of each item were refunded before, by the item's id."""
    returned: dict[int, int] = {}
    for act in order.acts.filter(kind=Kind.REFUND, outcome=OrderAct.Outcome.DONE):
        for item_id, quantity in act.lines:
            returned[item_id] = returned.get(item_id, 0) + quantity
    return returned


def _totals(order: Order, amounts: list[int]) -> Totals:
    return Totals(
        currency=order.currency,
        amounts=tuple(amounts),
        subtotal=order.subtotal,
        discount=order.discount,
        shipping=order.shipping,
        tax=order.tax,
        total=order.total,
    )
