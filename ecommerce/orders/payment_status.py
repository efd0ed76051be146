"""An order's money state and attention, computed from its act, payments, refunds and mismatches.

Computed anew each time a result is applied, so that no result overwrites what another one had to say.
"""

from collections.abc import Iterator, Sequence

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.models import Difference, Payment, Refund
from billing.money import format_money
from ecommerce.models import CustomerRequest, Order, OrderAct
from ecommerce.models.act import STATUS_BEFORE

State, Kind = Order.MoneyState, OrderAct.Kind
ASKED = {
    CustomerRequest.Kind.CANCELLATION: gettext_lazy("The customer asks to cancel it: answer that first."),
    CustomerRequest.Kind.WITHDRAWAL: gettext_lazy("The customer withdrew from the contract: carry that out."),
}


def refresh(order: Order, act: OrderAct | None) -> None:
    """Compute money state and attention, and save the order, whose lock the caller holds; `act` is its open act."""
    # By its number: after its price has changed, an order has void invoices as well, with payments of their own.
    payments = list(
        Payment.objects.filter(invoice__reference=order.number).annotate(
            has_refunds=Exists(Refund.objects.filter(payment=OuterRef("pk"))),
            has_differences=Exists(Difference.objects.filter(payment=OuterRef("pk"), resolved_at=None)),
        )
    )
    refunds = refunds_of(order) if any(payment.has_refunds for payment in payments) else []
    differences = _open_differences(payments) if any(payment.has_differences for payment in payments) else []
    failed = unresolved_failures(order, refunds)
    # An open act decides the state; older trouble still shows in the attention.
    order.money_state = _state_of_act(act) if act else _state_at_rest(order, payments, refunds, failed)
    asked = _requests_of_customer(order) if order.attention else []
    order.attention = " ".join([*asked, *_concerns(order, act, payments, refunds, failed, differences)])
    order.save()


def refunds_of(order: Order) -> list[Refund]:
    """All refunds of the order's payments, oldest first, with what `refresh` reads of them."""
    found = Refund.objects.filter(payment__invoice__reference=order.number).order_by("pk")
    return list(found.select_related("payment", "act__order_return", "replacement"))


def _open_differences(payments: Sequence[Payment]) -> list[str]:
    found = Difference.objects.filter(payment__in=payments, resolved_at=None).order_by("pk")
    return list(found.values_list("sentence", flat=True))


def unresolved_failures(order: Order, refunds: Sequence[Refund]) -> list[Refund]:
    """Return the failed refunds that a user still has to retry or settle, the oldest first."""
    failed = [refund for refund in refunds if refund.status == Refund.Status.FAILED]
    return [refund for refund in failed if _is_unresolved(order, refund, refunds)]


def _is_unresolved(order: Order, refund: Refund, refunds: Sequence[Refund]) -> bool:
    if hasattr(refund, "replacement") or not refund.payment.refundable:
        return False
    act = getattr(refund, "act", None)
    if act is None or act.outcome == OrderAct.Outcome.DONE:
        return True
    # A refund that Stripe refused at once changed nothing: it is forgotten once anything else was done instead.
    return _is_still_possible(order, act) and not any(
        each.pk > refund.pk and each.payment_id == refund.payment_id for each in refunds
    )


def _is_still_possible(order: Order, act: OrderAct) -> bool:
    """Whether what an act was for could still be done as it was requested."""
    if act.order_return:
        return act.order_return.is_open and _counts(act.lines) == act.order_return.units_received()
    if act.kind == Kind.CANCEL_ITEMS:
        left = {item.pk: item.left for item in order.items.all()} if order.status == Order.Status.PAID else {}
        return all(left.get(item_id, 0) >= units for item_id, units in act.lines)
    # Once a parcel has left, only the items that are left can be canceled.
    is_sent_in_part = act.kind == Kind.CANCEL and order.fulfillment_state
    return bool(order.status == STATUS_BEFORE.get(act.kind, order.status) and not is_sent_in_part)


def _counts(lines: Sequence[Sequence[int]]) -> dict[int, int]:
    return {item_id: units for item_id, units in lines}  # noqa: C416 - pairs of JSON are lists


def _requests_of_customer(order: Order) -> list[str]:
    """What the customer waits for an answer to; of an order that is canceled already, nothing."""
    if order.status == Order.Status.CANCELED:
        return []
    kinds = set(order.customer_requests.filter(status="open").values_list("kind", flat=True))
    return [str(sentence) for kind, sentence in ASKED.items() if kind in kinds]


def _state_of_act(act: OrderAct) -> str:
    if act.payment is None:
        return State.REFUND_IN_PROGRESS
    waits_for_customer = act.payment.status == Payment.Status.REQUIRES_ACTION
    return State.AUTHENTICATION_REQUIRED if waits_for_customer else State.PAYMENT_PROCESSING


def _state_at_rest(
    order: Order, payments: Sequence[Payment], refunds: Sequence[Refund], failed: Sequence[Refund]
) -> str:
    if failed:
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
    # A lost dispute took the money of an order that stands; of one that is canceled or returned nothing is left to do.
    return bool(payment.refundable) or order.status not in {Order.Status.CANCELED, Order.Status.RETURNED}


def _concerns(
    order: Order,
    act: OrderAct | None,
    payments: Sequence[Payment],
    refunds: Sequence[Refund],
    failed: Sequence[Refund],
    differences: Sequence[str],
) -> Iterator[str]:
    operation = (act.payment or act.refund) if act else None
    if operation and operation.attention:
        yield operation.attention
    for refund in failed:
        yield refund.failure_message or _("A refund failed.")
    for refund in refunds:
        if refund.status == Refund.Status.PENDING and refund.attention:
            yield refund.attention
    for payment in payments:
        if _dispute_matters(order, payment):
            yield _dispute_concern(payment)
    # The automatic refunds of late successes have no act to show them.
    for refund in refunds:
        if refund.status == Refund.Status.REQUESTED and refund.payment.status == Payment.Status.FAILED:
            yield refund.attention or _late_refund_concern(refund)
    yield from differences
    if act is None and order.is_wholly_refunded:
        yield from _wholly_refunded_concern(order)


def _dispute_concern(payment: Payment) -> str:
    reason = {"reason": payment.dispute_reason.replace("_", " ")}
    if payment.dispute == Payment.Dispute.LOST:
        return _("The dispute of this payment (%(reason)s) was lost: the bank has taken the money back.") % reason
    return _("The bank disputes this payment (%(reason)s): answer it at Stripe.") % reason


def _late_refund_concern(refund: Refund) -> str:
    sentence = _("A payment succeeded after it had been given up: %(amount)s go back.")
    return sentence % {"amount": format_money(refund.amount, refund.currency)}


def _wholly_refunded_concern(order: Order) -> Iterator[str]:
    if order.status == Order.Status.PAID and order.fulfillment_state:
        yield _("All of it was refunded: cancel the items that are left.")
    elif order.status == Order.Status.PAID:
        yield _("All of it was refunded: cancel the order.")
    elif order.status == Order.Status.FULFILLED:
        yield _("All of it was refunded: return the order.")
