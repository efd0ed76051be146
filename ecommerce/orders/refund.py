"""Refund an order in part; and request the refunds by which cancel and return_order give back all that is left."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from billing import payments
from billing.models import Payment
from billing.money import format_money, is_on_step, off_step
from customers.actors import Actor
from ecommerce.models import Order, OrderAct, OrderEvent
from ecommerce.orders.completion import close_acts, complete_act
from ecommerce.orders.errors import OrderError, from_pricing_error, in_flight, wrong_status
from ecommerce.orders.history import new_event
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.selectors import open_act, succeeded_payment
from ecommerce.pricing import Line, PricingError, Totals, refund_for_items

Kind = OrderAct.Kind
REQUESTED = {
    Kind.CANCEL: OrderEvent.Kind.CANCEL_REQUESTED,
    Kind.RETURN: OrderEvent.Kind.RETURN_REQUESTED,
    Kind.REFUND: OrderEvent.Kind.REFUND_REQUESTED,
}


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
    """Request a partial refund: of an amount in the minor unit, or of lines, pairs of item id and quantity.

    `left`, in the minor unit, is what could still be refunded when the user decided: refused where that has changed
    since, so that a button pressed twice refunds once. Raise OrderError.
    """
    with transaction.atomic():
        order = Order.objects.locked().select_related("invoice").get(pk=order_id)
        _check_refundable(order)
        _check_left(order, left)
        if amount is None:
            amount = refund_amount_for_items(order, lines)
        payment = check_partial_refund(order, amount)
        pairs = [list(line) for line in lines]
        act = OrderAct(order=order, kind=Kind.REFUND, reason=reason, lines=pairs, requested_at=at, **by.columns)
        request_refund(act, payment, amount, at=at)
    return order


def join_open_act(order: Order, kind: OrderAct.Kind) -> OrderAct | None:
    """Join the open act of a locked order if it is of this kind, and return it; raise OrderError on another."""
    act = open_act(order)
    if act and act.kind != kind:
        raise in_flight(order, act)
    if act and act.of_jobs_only:
        # From now on it is executed even if the job that requested it is stopped.
        OrderAct.objects.filter(pk=act.pk).update(of_jobs_only=False)
    return act


def request_full_refund(
    order: Order, kind: OrderAct.Kind, *, reason: str, by: Actor, at: datetime, restock: bool = True
) -> OrderAct | None:
    """Refund all that is left of the payment of a locked order; return the open act.

    Return None where nothing is left to refund: the act is complete at once.
    """
    act = OrderAct(order=order, kind=kind, reason=reason, restock=restock, requested_at=at, **by.columns)
    payment = succeeded_payment(order)
    if payment and payment.refundable:
        request_refund(act, payment, payment.refundable, at=at)
        return act
    # Settled outside, or refunded from Stripe's dashboard before.
    act.save()
    complete_act(order, act, at=at)
    close_acts([act], OrderAct.Outcome.DONE, at=at)
    refresh(order, None)
    return None


def request_refund(act: OrderAct, payment: Payment, amount: int, *, at: datetime) -> None:
    """Save a new act with its refund, to be executed after the commit; the caller holds the order's lock."""
    order = act.order
    act.refund = payments.create_refund(payment=payment, amount=amount, reason=act.reason, by=act.by, at=at)
    act.save()
    order.money_state = Order.MoneyState.REFUND_IN_PROGRESS
    # Computed from all rows, four queries, only where an attention might have to stay.
    if order.attention:
        refresh(order, act)
    else:
        order.save()
    _requested_event(act, at=at).save()


def request_full_refunds(
    refundable: Sequence[tuple[Order, Payment]],
    kind: OrderAct.Kind,
    *,
    reason: str,
    restock: bool,
    by: Actor,
    at: datetime,
) -> list[OrderAct]:
    """Request the refund of all that is left of many payments of a bulk job, set-wise.

    The caller has locked the orders, and checked that they may be canceled or returned and need no attention.
    """
    order_of = {payment.pk: order for order, payment in refundable}
    amounts = [(payment, payment.refundable) for _order, payment in refundable]
    acts = [
        OrderAct(
            order=order_of[refund.payment_id],
            refund=refund,
            kind=kind,
            reason=reason,
            restock=restock,
            requested_at=at,
            of_jobs_only=True,
            **by.columns,
        )
        for refund in payments.create_refunds(amounts=amounts, reason=reason, by=by, at=at)
    ]
    # Not the status: the orders change once Stripe has accepted the refunds.
    in_progress = Order.objects.filter(pk__in=[act.order_id for act in acts])
    in_progress.update(money_state=Order.MoneyState.REFUND_IN_PROGRESS, attention="")
    OrderEvent.objects.bulk_create(_requested_event(act, at=at) for act in acts)
    return OrderAct.objects.bulk_create(acts)


def _requested_event(act: OrderAct, *, at: datetime) -> OrderEvent:
    amount = act.refund.amount if act.refund else 0
    data = {"reason": act.reason, "amount": amount, "currency": act.order.currency}
    return new_event(act.order, REQUESTED[Kind(act.kind)], by=act.by, at=at, **data)


def _check_refundable(order: Order) -> None:
    if order.status not in {Order.Status.PAID, Order.Status.FULFILLED}:
        raise wrong_status(order, needed=_("paid or fulfilled"), act=_("refunded in part"))
    act = open_act(order)
    if act:
        # Not joined, as cancel and return are: a second partial refund is another refund.
        raise in_flight(order, act)


def _check_left(order: Order, left: int | None) -> None:
    payment = succeeded_payment(order)
    if left is None or payment is None or payment.refundable == left:
        return
    last = payment.refund_set.order_by("requested_at").last()
    values = {
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
    raise OrderError("refunded_meanwhile", sentence % values, field="amount")


def check_partial_refund(order: Order, amount: int) -> Payment:
    """Return the payment to be refunded in part; raise OrderError unless some of it is left afterwards."""
    payment = succeeded_payment(order)
    left = payment.refundable if payment else 0
    money = format_money(left, order.currency)
    if not is_on_step(amount, order.currency):
        raise OrderError("invalid_amount", str(off_step(order.currency)), field="amount")
    if amount <= 0:
        sentence = _("Give an amount above zero: %(left)s can still be refunded.") % {"left": money}
        raise OrderError("invalid_amount", sentence, field="amount")
    if payment is None or amount > left:
        sentence = _("At most %(left)s can still be refunded.") % {"left": money}
        raise OrderError("amount_too_large", sentence, field="amount")
    # Cancel and return give back stock as well, and change the status.
    if amount == left:
        instead = _("cancel") if order.status == Order.Status.PAID else _("return")
        sentence = _("That is all that is left, %(left)s: %(instead)s the order instead.")
        sentence %= {"left": money, "instead": instead}
        raise OrderError("whole_amount", sentence, field="amount")
    return payment


def refund_amount_for_items(order: Order, lines: Sequence[tuple[int, int]]) -> int:
    """Return the refund, in the minor unit, of lines: pairs of item id and quantity. Raise OrderError."""
    items = list(order.items.order_by("pk"))
    requested: Counter[int] = Counter()
    for item_id, quantity in lines:
        requested[item_id] += quantity
    if not requested or set(requested) - {item.pk for item in items}:
        raise OrderError("invalid_items", _("Choose items of this order."), field="items")
    returned = returned_quantities(order)
    try:
        return refund_for_items(
            [Line(sku_id=item.sku_id, unit_price=item.unit_price, quantity=item.quantity) for item in items],
            _totals(order, [item.amount for item in items]),
            returned=[returned[item.pk] for item in items],
            returning=[requested[item.pk] for item in items],
        )
    except PricingError as error:
        raise from_pricing_error(error) from error


def returned_quantities(order: Order) -> Counter[int]:
    """How many of each item were refunded before, by item id."""
    returned = Counter[int]()
    for act in order.acts.filter(kind=Kind.REFUND, outcome=OrderAct.Outcome.DONE):
        for item_id, quantity in act.lines:
            returned[item_id] += quantity
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
