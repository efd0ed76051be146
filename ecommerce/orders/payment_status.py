"""How an order stands with its money: what is under way, what went wrong, and what a person must do about it.

Read anew from the rows each time something was answered, so that no answer wipes out what another one had to say.
"""

from django.utils.translation import gettext as _

from billing.models import Difference, Payment, Refund
from billing.money import format_money
from ecommerce.models import Order, OrderAct

State = Order.MoneyState
SENT = (Refund.Status.REQUESTED, Refund.Status.PENDING, Refund.Status.SUCCEEDED)


def refresh(order: Order, act: OrderAct | None) -> None:
    """Set the order's money state and attention; `act` is the one in flight. The caller saves the order."""
    payments = list(Payment.objects.filter(invoice=order.invoice_id))
    refunds = refunds_of(order) if any(payment.stripe_payment_intent_id for payment in payments) else []
    waiting = waiting_refunds(order, refunds)
    order.money_state = _in_flight(act) if act else _at_rest(order, payments, refunds, waiting)
    order.attention = " ".join(_concerns(order, act, payments, refunds, waiting))


def refunds_of(order: Order) -> list[Refund]:
    """Give all refunds of an order's payments, the oldest first."""
    found = Refund.objects.filter(payment__invoice=order.invoice_id).select_related("payment", "act", "replacement")
    return list(found.order_by("pk"))


def waiting_refunds(order: Order, refunds: list[Refund]) -> list[Refund]:
    """Give those that failed and that nobody has made good, the oldest first."""
    return [refund for refund in refunds if refund.status == Refund.Status.FAILED and _waits(order, refund, refunds)]


def _waits(order: Order, refund: Refund, refunds: list[Refund]) -> bool:
    if hasattr(refund, "replacement") or not refund.payment.refundable:
        return False
    act = getattr(refund, "act", None)
    if act is None or act.outcome == OrderAct.Outcome.DONE:
        return True
    # One that was refused from the first changed nothing: it is forgotten once anything else was done instead.
    wanted_of = {OrderAct.Kind.CANCEL: Order.Status.PAID, OrderAct.Kind.RETURN: Order.Status.FULFILLED}
    still_wanted = order.status == wanted_of.get(OrderAct.Kind(act.kind), order.status)
    return still_wanted and not any(each.pk > refund.pk and each.payment_id == refund.payment_id for each in refunds)


def _in_flight(act: OrderAct) -> str:
    if act.payment is None:
        return State.REFUND_IN_PROGRESS
    waits = act.payment.status == Payment.Status.REQUIRES_ACTION
    return State.AUTHENTICATION_REQUIRED if waits else State.PAYMENT_PROCESSING


def _at_rest(order: Order, payments: list[Payment], refunds: list[Refund], waiting: list[Refund]) -> str:
    if waiting:
        return State.REFUND_FAILED
    if any(_dispute_matters(order, payment) for payment in payments):
        return State.DISPUTED
    if any(refund.status == Refund.Status.PENDING for refund in refunds):
        return State.REFUND_PENDING
    if payments and order.status == Order.Status.CREATED:
        return State.PAYMENT_FAILED
    return ""


def _dispute_matters(order: Order, payment: Payment) -> bool:
    if payment.dispute != Payment.Dispute.LOST:
        return payment.dispute == Payment.Dispute.OPEN
    return bool(payment.refundable) or order.status not in {Order.Status.CANCELED, Order.Status.RETURNED}


def _concerns(
    order: Order, act: OrderAct | None, payments: list[Payment], refunds: list[Refund], waiting: list[Refund]
) -> list[str]:
    wish = (act.payment or act.refund) if act else None
    said = [wish.attention] if wish and wish.attention else []
    said += [refund.failure_message or _("A refund failed.") for refund in waiting]
    said += [_disputed(payment) for payment in payments if _dispute_matters(order, payment)]
    said += [_sent_back_late(refund) for refund in refunds if _is_late(refund) and refund.status == SENT[0]]
    # What reconciling found to differ from Stripe's records.
    said += Difference.objects.filter(payment__in=payments, resolved_at=None).values_list("sentence", flat=True)
    return said + ([_wholly_refunded(order)] if _is_wholly_refunded(order) and not act else [])


def _disputed(payment: Payment) -> str:
    about = {"reason": payment.dispute_reason.replace("_", " ")}
    if payment.dispute == Payment.Dispute.LOST:
        return _("The dispute of this payment (%(reason)s) was lost: the bank has taken the money back.") % about
    return _("The bank disputes this payment (%(reason)s): answer it at Stripe.") % about


def _is_late(refund: Refund) -> bool:
    return refund.payment.status == Payment.Status.FAILED


def _sent_back_late(refund: Refund) -> str:
    amount = format_money(refund.amount, refund.currency)
    return refund.attention or _("A payment succeeded after it had been given up: %(amount)s go back.") % {
        "amount": amount
    }


def _is_wholly_refunded(order: Order) -> bool:
    open_still = order.status in {Order.Status.PAID, Order.Status.FULFILLED}
    return open_still and order.total > 0 and order.amount_refunded >= order.total


def _wholly_refunded(order: Order) -> str:
    if order.status == Order.Status.PAID:
        return _("All of it was refunded: cancel the order.")
    return _("All of it was refunded: return the order.")
