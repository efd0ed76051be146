"""Fetch the current state of an object from Stripe, as results to be sent with `signals.results_received`.

Outside any transaction. Nothing is ever posted to Stripe from here.
"""

import logging
from collections.abc import Iterable
from functools import reduce
from operator import or_
from uuid import UUID

from django.db.models import Q

from backoffice import leases
from billing import gateway
from billing.models import Invoice, Payment, Refund
from billing.results import (
    REFUND_STATUSES,
    DisputeResult,
    Notice,
    PaymentResult,
    RefundResult,
    ReviewResult,
    StripeResult,
    UnknownCharge,
)

logger = logging.getLogger(__name__)

# An inquiry that was closed, and a dispute that was prevented by a refund, took no money. Any other status is open.
DISPUTE_STATUSES = {
    "won": Payment.Dispute.WON,
    "lost": Payment.Dispute.LOST,
    "warning_closed": Payment.Dispute.WON,
    "prevented": Payment.Dispute.WON,
}


def fetch_intent(intent_id: str) -> list[StripeResult | Notice]:
    """Fetch a PaymentIntent; empty unless it is ours and final. Raise gateway.GatewayError."""
    intent = gateway.retrieve_intent(intent_id)
    if intent.status == "succeeded" and _payment_of(intent) is None and _names_an_order_here(intent):
        return [unknown_charge(intent.id)]
    return [*intent_results(intent)]


def _names_an_order_here(intent: gateway.PaymentIntent) -> bool:
    uuid = parse_uuid(intent.metadata.get("payment"))
    # A second charge for one payment is found by reconciliation, and adopted by nobody.
    if uuid is None or Payment.objects.filter(uuid=uuid).exists():
        return False
    named = Q(reference=intent.metadata.get("order", "")) | Q(number=intent.metadata.get("invoice", ""))
    return Invoice.objects.filter(named).exists()


def unknown_charge(intent_id: str) -> UnknownCharge:
    """Fetch a charge as it is now, with what Stripe's customer says of ours. Raise gateway.GatewayError."""
    intent = gateway.retrieve_intent(intent_id)
    email, reference = gateway.retrieve_customer(intent.customer_id) if intent.customer_id else ("", "")
    return UnknownCharge(intent=intent, customer_email=email, customer_reference=reference)


def fetch_refund(refund_id: str) -> list[StripeResult]:
    """Fetch a refund, with its payment's result first if that is unknown here. Raise gateway.GatewayError."""
    return refund_results([gateway.retrieve_refund(refund_id)])


def fetch_refunds_of_intent(intent_id: str) -> list[StripeResult]:
    """Fetch all refunds of a PaymentIntent. Raise gateway.GatewayError."""
    return refund_results(gateway.list_refunds(intent_id))


def fetch_dispute(dispute_id: str) -> list[StripeResult]:
    """Fetch a dispute; empty if its charge is not ours. Raise gateway.GatewayError."""
    dispute = gateway.retrieve_dispute(dispute_id)
    before, payment = _charged_payment(dispute.intent_id)
    if payment is None:
        return before
    status = DISPUTE_STATUSES.get(dispute.status, Payment.Dispute.OPEN)
    return [*before, DisputeResult(payment_id=payment.pk, stripe_id=dispute.id, status=status, reason=dispute.reason)]


def fetch_review(review_id: str) -> list[StripeResult]:
    """Fetch a review of Stripe Radar; empty if its charge is not ours. Raise gateway.GatewayError."""
    review = gateway.retrieve_review(review_id)
    before, payment = _charged_payment(review.intent_id or _intent_of_charge(review.charge_id))
    if payment is None:
        return before
    result = ReviewResult(payment_id=payment.pk, stripe_id=review.id, is_open=review.is_open, reason=review.reason)
    return [*before, result]


def _intent_of_charge(charge_id: str) -> str:
    charged = Payment.objects.filter(stripe_charge_id=charge_id).exclude(stripe_charge_id="").first()
    return (charged.stripe_payment_intent_id or "") if charged else ""


def intent_results(intent: gateway.PaymentIntent) -> list[StripeResult]:
    """Return the results of a PaymentIntent: none where it is not ours, or its status is not final."""
    payment = _payment_of(intent)
    if payment is None:
        return []
    canceling = intent.status == "requires_action" and payment.cancel_requested_at
    if intent.status not in {"succeeded", "canceled", "requires_action"} or canceling:
        # It has to be canceled at Stripe first, which needs the lease: settlement does that.
        waiting = Payment.objects.filter(pk=payment.pk, status=Payment.Status.REQUIRES_ACTION, closed_at=None)
        leases.wake(waiting)
        return []
    return [PaymentResult.from_intent(payment, intent)]


def refund_results(stripe_refunds: Iterable[gateway.StripeRefund]) -> list[StripeResult]:
    """Return the results of refunds, each after that of its payment where our row has not succeeded yet."""
    results: list[StripeResult] = []
    for stripe_refund in stripe_refunds:
        ours = Q(stripe_refund_id=stripe_refund.id) | Q(uuid=parse_uuid(stripe_refund.metadata.get("refund")))
        refund = Refund.objects.filter(ours).select_related("payment").first()
        before, payment = ([], refund.payment) if refund else _charged_payment(stripe_refund.intent_id)
        if payment and stripe_refund.status in REFUND_STATUSES:
            results += [*before, RefundResult.from_stripe(stripe_refund, refund=refund, payment_id=payment.pk)]
        elif payment:
            logger.error("Refund %s is %s at Stripe, which tells nothing here.", stripe_refund.id, stripe_refund.status)
    return results


def _charged_payment(intent_id: str) -> tuple[list[StripeResult], Payment | None]:
    """Return the payment that Stripe charged, and the results to apply first where our row does not say so yet."""
    payment = Payment.objects.filter(stripe_payment_intent_id=intent_id).first() if intent_id else None
    if payment and payment.status == Payment.Status.SUCCEEDED:
        return [], payment
    intent = gateway.retrieve_intent(intent_id) if intent_id else None
    return (intent_results(intent), _payment_of(intent)) if intent else ([], None)


def _payment_of(intent: gateway.PaymentIntent) -> Payment | None:
    ours = Q(stripe_payment_intent_id=intent.id)
    # Metadata counts only while the payment has no intent: another one that names it is a second charge.
    named = Q(uuid=parse_uuid(intent.metadata.get("payment")), stripe_payment_intent_id=None)
    return Payment.objects.filter(ours | named).first()


def is_ours(stripe_id: str) -> bool:
    """Tell whether a row of ours has this id of a PaymentIntent, refund, dispute or review."""
    ids = ("stripe_payment_intent_id", "stripe_dispute_id", "stripe_review_id")
    payments = Payment.objects.filter(reduce(or_, (Q(**{name: stripe_id}) for name in ids)))
    return bool(stripe_id) and (payments.exists() or Refund.objects.filter(stripe_refund_id=stripe_id).exists())


def parse_uuid(text: str | None) -> UUID | None:
    """Read one of our ids from Stripe's metadata; None where it is none, since anybody may write there."""
    try:
        return UUID(text or "")
    except ValueError:
        return None
