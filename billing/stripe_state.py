"""Hearing: what Stripe says now of something that somebody else asked about, or did. Nothing is posted, ever.

Outside any transaction; what is heard goes to `signals.answered`.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from billing import gateway, settlement
from billing.leases import LEASE
from billing.models import Payment, Refund
from billing.results import DisputeResult, StripeResult

DECIDED = {"won": Payment.Dispute.WON, "lost": Payment.Dispute.LOST}
# An inquiry that came to nothing, and a dispute that was refunded before it began, took no money.
DECIDED |= dict.fromkeys(("warning_closed", "prevented"), Payment.Dispute.WON)


def fetch_intent(intent_id: str) -> list[StripeResult]:
    """Ask about a PaymentIntent."""
    return intent_results(gateway.retrieve_intent(intent_id))


def fetch_refund(refund_id: str) -> list[StripeResult]:
    """Ask about a refund."""
    return refund_results([gateway.retrieve_refund(refund_id)])


def fetch_refunds_of_intent(intent_id: str) -> list[StripeResult]:
    """Ask about all refunds of a PaymentIntent."""
    return refund_results(gateway.list_refunds(intent_id)) if intent_id else []


def fetch_dispute(dispute_id: str) -> list[StripeResult]:
    """Ask about a dispute."""
    found = gateway.retrieve_dispute(dispute_id)
    before, payment = _payment_taken(found.intent_id)
    if payment is None:
        return before
    status = DECIDED.get(found.status, Payment.Dispute.OPEN)
    return [*before, DisputeResult(payment_id=payment.pk, stripe_id=found.id, status=status, reason=found.reason)]


def intent_results(intent: gateway.PaymentIntent) -> list[StripeResult]:
    """Read a PaymentIntent as an answer: none where it is not ours, or says nothing final.

    One that failed in a browser, or was given up, is first ended by whoever settles it.
    """
    payment = _payment_of(intent)
    if payment is None:
        return []
    given_up = intent.status == "requires_action" and payment.cancel_requested_at
    if intent.status not in {"succeeded", "canceled", "requires_action"} or given_up:
        _settle_soon(payment)
        return []
    return [settlement.payment_result(payment, intent)]


def refund_results(found: Iterable[gateway.StripeRefund]) -> list[StripeResult]:
    """Read refunds as answers, each after what its payment has become if we don't know that yet."""
    answers: list[StripeResult] = []
    for each in found:
        refund = Refund.objects.filter(
            Q(stripe_refund_id=each.id) | Q(uuid=uuid_of(each.metadata.get("refund")))
        ).first()
        before, payment = ([], refund.payment) if refund else _payment_taken(each.intent_id)
        if payment:
            answers += [*before, settlement.refund_result(refund, each, payment_id=payment.pk)]
    return answers


def _payment_taken(intent_id: str) -> tuple[list[StripeResult], Payment | None]:
    """Give the payment whose money Stripe took, after the answer that says so where our row does not yet."""
    payment = Payment.objects.filter(stripe_payment_intent_id=intent_id).first() if intent_id else None
    if payment and payment.status == Payment.Status.SUCCEEDED:
        return [], payment
    intent = gateway.retrieve_intent(intent_id) if intent_id else None
    return (intent_results(intent), _payment_of(intent)) if intent else ([], None)


def _payment_of(intent: gateway.PaymentIntent) -> Payment | None:
    """Give our payment; another intent that names a payment with an intent of its own is not that payment's."""
    ours = Q(stripe_payment_intent_id=intent.id)
    named = Q(uuid=uuid_of(intent.metadata.get("payment")), stripe_payment_intent_id=None)
    return Payment.objects.filter(ours | named).first()


def _settle_soon(payment: Payment) -> None:
    # Never within a minute from now: that may be a lease, and whoever holds it is asking just this.
    now = timezone.now()
    waiting = Payment.objects.filter(pk=payment.pk, status=Payment.Status.REQUIRES_ACTION, closed_at=None)
    waiting.filter(next_attempt_at__gt=now + LEASE).update(next_attempt_at=now)


def uuid_of(text: str | None) -> UUID | None:
    """Read one of our own ids from Stripe's metadata; None where it is none."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
