"""Refund a paid order; and request the refunds by which cancel and return_order give back all that is left."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from billing import refunds
from billing.models import Payment, Refund, RefundFee
from billing.money import format_money
from customers.actors import Actor
from customers.mail.notify import notifies
from ecommerce.mails import acts as mails
from ecommerce.models import Order, OrderAct, OrderEvent
from ecommerce.orders.allocations import allocate, allocate_all_left, allocate_amount
from ecommerce.orders.completion import close_acts, complete_act, complete_refund, refund_event
from ecommerce.orders.errors import OrderError, in_flight, wrong_status
from ecommerce.orders.history import new_event
from ecommerce.orders.payment_status import refresh
from ecommerce.orders.refund_quotes import RefundQuote, RefundRequest, quote_refund
from ecommerce.orders.selectors import open_act, succeeded_payment

Kind = OrderAct.Kind
REQUESTED = {
    Kind.CANCEL: OrderEvent.Kind.CANCEL_REQUESTED,
    Kind.CANCEL_ITEMS: OrderEvent.Kind.ITEMS_CANCEL_REQUESTED,
    Kind.RETURN: OrderEvent.Kind.RETURN_REQUESTED,
    Kind.REFUND: OrderEvent.Kind.REFUND_REQUESTED,
}


def refund(
    *, order_id: int, request: RefundRequest, reason: str, by: Actor, at: datetime, left: int | None = None
) -> Order:
    """Request a refund that leaves the order's status as it is, even if it gives back all that is left.

    `left`, in the minor unit, is what could still be refunded when the user decided: refused where that has changed
    since, so that a button pressed twice refunds once. Raise OrderError.
    """
    with transaction.atomic():
        order = Order.objects.locked().select_related("invoice").get(pk=order_id)
        if request.key and was_requested(order, request.key, request.fingerprint):
            return order
        _check_refundable(order)
        _check_left(order, left)
        quote = quote_refund(order, request)
        pairs = [list(line) for line in request.lines]
        act = OrderAct(order=order, kind=Kind.REFUND, reason=reason, lines=pairs, requested_at=at, **by.columns)
        act.request_key, act.request_hash = request.key or None, request.fingerprint if request.key else ""
        request_refund(act, quote.payment, quote.total, at=at, quote=quote)
    return order


def was_requested(order: Order, key: str, fingerprint: str) -> bool:
    """Whether an act of a locked order was requested under this key; raise OrderError where it was another one."""
    earlier = order.acts.filter(request_key=key).first()
    if earlier and earlier.request_hash != fingerprint:
        sentence = _("This key was sent before with another refund of this order.")
        raise OrderError("idempotency_conflict", sentence)
    return earlier is not None


def join_open_act(order: Order, kind: OrderAct.Kind) -> OrderAct | None:
    """Join the open act of a locked order if it cancels or returns all of it, too; raise OrderError on another."""
    act = open_act(order)
    if act and not (act.kind == kind and act.is_whole):
        raise in_flight(order, act)
    if act and act.of_jobs_only:
        # From now on it is executed even if the job that requested it is stopped.
        OrderAct.objects.filter(pk=act.pk).update(of_jobs_only=False, notify=act.notify or notifies())
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
    complete_without_refund(act, at=at)
    return None


def complete_without_refund(act: OrderAct, *, at: datetime) -> None:
    """Save a new act that has nothing to refund, and do what it is for; the caller holds the order's lock."""
    act.save()
    complete_act(act.order, act, at=at)
    mails.act_completed(act)
    close_acts([act], OrderAct.Outcome.DONE, at=at)
    refresh(act.order, None)


def request_refund(
    act: OrderAct,
    payment: Payment,
    amount: int,
    *,
    at: datetime,
    quote: RefundQuote | None = None,
    instead_of: Refund | None = None,
) -> None:
    """Save a new act with its refund, to be executed after the commit; the caller holds the order's lock.

    `quote` says which lines it gives back, and which fees are kept; `instead_of` the failed refund whose place it
    takes. What the fees leave nothing of is not sent: the act is complete at once.
    """
    order = act.order
    fees = quote.fees if quote else fees_again(instead_of, payment) if instead_of else ()
    act.refund = refunds.create_refund(payment=payment, amount=amount, reason=act.reason, by=act.by, at=at, fees=fees)
    act.save()
    if quote:
        allocate(act.refund, quote.back, quote.cells)
    elif instead_of:
        allocate_amount(act.refund, like=instead_of)
    else:
        allocate_all_left([act.refund])
    if not amount:
        _complete_at_once(act, act.refund, at=at)
        return
    order.money_state = Order.MoneyState.REFUND_IN_PROGRESS
    # Computed from all rows, four queries, only where an attention might have to stay.
    if order.attention:
        refresh(order, act)
    else:
        order.save()
    _requested_event(act, at=at).save()


def _complete_at_once(act: OrderAct, refund: Refund, *, at: datetime) -> None:
    refund_event(act.order, refund, at=at).save()
    complete_refund(act.order, refund, act, at=at)
    refresh(act.order, None)


def fees_again(failed: Refund, payment: Payment) -> tuple[RefundFee, ...]:
    """Return, unsaved, the fees of a failed refund for the one in its place; none where less is left to refund now."""
    if failed.given_back > payment.refundable:
        return ()
    same = ("name", "amount", "tax", "rate", "category", "invoice_tax_id")
    return tuple(RefundFee(**row) for row in failed.fee_rows.order_by("pk").values(*same))


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
    requested = refunds.create_refunds(amounts=amounts, reason=reason, by=by, at=at)
    allocate_all_left(requested)
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
        for refund in requested
    ]
    # Not the status: the orders change once Stripe has accepted the refunds.
    in_progress = Order.objects.filter(pk__in=[act.order_id for act in acts])
    in_progress.update(money_state=Order.MoneyState.REFUND_IN_PROGRESS, attention="")
    OrderEvent.objects.bulk_create(_requested_event(act, at=at) for act in acts)
    return OrderAct.objects.bulk_create(acts)


def _requested_event(act: OrderAct, *, at: datetime) -> OrderEvent:
    amount = act.refund.amount if act.refund else 0
    data = {"reason": act.reason, "amount": amount, "currency": act.order.currency}
    ids = {"refund_id": act.refund_id}
    return new_event(act.order, REQUESTED[Kind(act.kind)], by=act.by, at=at, ids=ids, **data)


def _check_refundable(order: Order) -> None:
    payment = succeeded_payment(order)
    # Of a returned one, the shipping or what is digital may have been kept.
    is_kept = order.status == Order.Status.RETURNED and payment is not None and payment.refundable
    if order.status not in {Order.Status.PAID, Order.Status.FULFILLED} and not is_kept:
        raise wrong_status(order, needed=_("paid or fulfilled"), act=_("refunded"))
    act = open_act(order)
    if act:
        # Not joined, as cancel and return are: a second refund is another one.
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
