"""Stripe's objects, as the SDK returns them, parsed into the types of `gateway_types`. Calls nothing."""

from typing import Any

from backoffice.stripe_secrets import without_secrets
from billing.gateway_types import CardDetails, PaymentIntent, StripeDispute, StripeRefund, StripeReview


def _id(expandable: Any) -> str:
    # A field holds an id, or the object itself where it was expanded.
    return expandable if isinstance(expandable, str) else (expandable.id if expandable else "")


def parse_intent(intent: Any) -> PaymentIntent:
    """Parse a PaymentIntent; its card only where the payment method was expanded."""
    failure = intent.last_payment_error
    method = intent.payment_method
    return PaymentIntent(
        id=intent.id,
        status=intent.status,
        amount=intent.amount,
        currency=intent.currency,
        client_secret=intent.client_secret or "",
        created=intent.created,
        customer_id=_id(intent.customer),
        metadata=intent.metadata.to_dict() if intent.metadata else {},
        failure_code=getattr(failure, "code", None) or "",
        decline_code=getattr(failure, "decline_code", None) or "",
        failure_message=without_secrets(getattr(failure, "message", None) or ""),
        charge_id=_id(getattr(intent, "latest_charge", None)),
        review_id=_id(getattr(intent, "review", None)),
        # Another program's PaymentIntents of the same account may have been paid by other means than a card.
        card=parse_card(method) if method and getattr(method, "card", None) else None,
    )


def parse_card(method: Any) -> CardDetails:
    """Parse a PaymentMethod that is a card."""
    card = method.card
    return CardDetails(
        id=method.id,
        brand=card.brand,
        last4=card.last4,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        fingerprint=getattr(card, "fingerprint", None) or "",
        attached=bool(method.customer),
    )


def parse_dispute(dispute: Any) -> StripeDispute:
    return StripeDispute(
        id=dispute.id,
        status=dispute.status,
        reason=dispute.reason,
        amount=dispute.amount,
        currency=dispute.currency,
        created=dispute.created,
        intent_id=_id(getattr(dispute, "payment_intent", None)),
    )


def parse_review(review: Any) -> StripeReview:
    return StripeReview(
        id=review.id,
        is_open=review.open,
        reason=review.reason,
        intent_id=_id(getattr(review, "payment_intent", None)),
        charge_id=_id(getattr(review, "charge", None)),
    )


def parse_refund(refund: Any) -> StripeRefund:
    return StripeRefund(
        id=refund.id,
        status=refund.status or "pending",
        amount=refund.amount,
        currency=refund.currency,
        intent_id=_id(getattr(refund, "payment_intent", None)),
        created=refund.created,
        metadata=refund.metadata.to_dict() if refund.metadata else {},
        failure_reason=getattr(refund, "failure_reason", None) or "",
    )
