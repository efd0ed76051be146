"""What a person does about a refund that failed, or that Stripe knows nothing of: again, or settled otherwise."""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from billing import invoices, payments
from billing.models import Payment, Refund
from customers.actors import Actor
from ecommerce.models import Order, OrderAct
from ecommerce.orders import closing
from ecommerce.orders.history import record
from ecommerce.orders.questions import failed_refund_act, open_act
from ecommerce.orders.refusals import OrderRefused

Kind = OrderAct.Kind


def try_again(*, order_id: int, by: Actor, at: datetime) -> Order:
    """Begin a new refund in place of one that failed; raise OrderRefused."""
    with transaction.atomic():
        order = _locked(order_id)
        failed = _failed_act(order)
        amount, payment = _what_failed(failed)
        if amount > payment.refundable:
            raise OrderRefused("amount_too_large", _("Less than that is left of the payment."))
        act = _again(order, failed, by=by, at=at)
        act.refund = payments.begin_refund(payment=payment, amount=amount, reason=act.reason, by=by, at=at)
        act.save(update_fields=["refund"])
        order.money_state = Order.MoneyState.REFUND_IN_PROGRESS
        order.attention = ""
        order.save()
        record(order, "refund_requested", by=by, at=at, reason=act.reason, amount=amount, currency=order.currency)
    return order


def send_again(*, order_id: int, by: Actor, at: datetime) -> Order:
    """Send a wish once more that Stripe knows nothing of after 23 hours; raise OrderRefused."""
    with transaction.atomic():
        order = _locked(order_id)
        act = open_act(order)
        wish = (act.payment or act.refund) if act else None
        if wish is None or not wish.attention:
            raise OrderRefused("nothing_to_send", _("Nothing of this order waits to be sent again."))
        type(wish).objects.filter(pk=wish.pk).update(
            first_sent_at=at, due=at, attention="", generation=F("generation") + 1
        )
        order.attention = ""
        order.save()
        record(order, "sent_again", by=by, at=at, amount=wish.amount, currency=order.currency)
    return order


def settle_outside(*, order_id: int, note: str, by: Actor, at: datetime) -> Order:
    """Record that a refund was made outside Stripe, by whom and how; raise OrderRefused."""
    if not note.strip():
        raise OrderRefused("note_required", _("Say how and when it was refunded."), field="note")
    with transaction.atomic():
        order = _locked(order_id)
        act = _waiting_act(order, at=at) or _again(order, _failed_act(order), by=by, at=at)
        _record_outside(order, act, note=note, by=by, at=at)
        closing.carry_out(order, act, at=at)
        closing.close(act, OrderAct.Outcome.DONE, at=at, message=note)
        order.save()
    return order


def _locked(order_id: int) -> Order:
    return Order.objects.locked().select_related("invoice").get(pk=order_id)


def _failed_act(order: Order) -> OrderAct:
    failed = failed_refund_act(order)
    if failed is None or open_act(order):
        raise OrderRefused("no_failed_refund", _("No failed refund of this order waits for anybody."))
    return failed


def _what_failed(act: OrderAct) -> tuple[int, Payment]:
    if act.refund is None:
        raise OrderRefused("no_failed_refund", _("No failed refund of this order waits for anybody."))
    return act.refund.amount, act.refund.payment


def _again(order: Order, failed: OrderAct, *, by: Actor, at: datetime) -> OrderAct:
    """Open an act like one that failed; what was carried out already leaves only the money to be sent."""
    carried_out = failed.outcome == OrderAct.Outcome.DONE
    return OrderAct.objects.create(
        order=order,
        kind=Kind.REFUND if carried_out else failed.kind,
        reason=failed.reason,
        restock=failed.restock,
        lines=[] if carried_out else failed.lines,
        requested_at=at,
        refund=None,
        **by.columns,
    )


def _waiting_act(order: Order, *, at: datetime) -> OrderAct | None:
    """Give the open act whose refund Stripe knows nothing of, with that refund given up."""
    act = open_act(order)
    if act is None or act.refund is None or not act.refund.attention:
        return None
    given_up = Refund.objects.filter(pk=act.refund.pk, status=Refund.Status.REQUESTED, due=None)
    given_up.update(status=Refund.Status.FAILED, closed_at=at, failure_code="settled_outside", attention="")
    return act


def _record_outside(order: Order, act: OrderAct, *, note: str, by: Actor, at: datetime) -> None:
    source = act.refund or _what_was_refunded(order)
    outside = Refund.objects.create(
        payment=source.payment,
        amount=source.amount,
        currency=source.currency,
        reason=act.reason,
        status=Refund.Status.SUCCEEDED,
        settled_outside=True,
        note=note,
        requested_at=at,
        closed_at=at,
        due=None,
        **by.columns,
    )
    act.refund = outside
    act.save(update_fields=["refund"])
    if order.invoice:
        invoices.credit(invoice=order.invoice, refund=outside, at=at)
    order.amount_refunded += outside.amount
    order.money_state = ""
    order.attention = ""
    record(order, "settled_outside", by=by, at=at, note=note, amount=outside.amount, currency=order.currency)


def _what_was_refunded(order: Order) -> Refund:
    failed = OrderAct.objects.filter(order=order, refund__status=Refund.Status.FAILED).order_by("-pk").first()
    if failed is None or failed.refund is None:
        raise OrderRefused("no_failed_refund", _("No failed refund of this order waits for anybody."))
    return failed.refund
