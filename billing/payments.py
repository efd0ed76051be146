"""Payments as rows: create them, and apply the results of executing them. Refunds are in `refunds`.

Every function runs inside the transaction of its caller, who holds the lock of the order. Executing them at Stripe, in
between and outside any transaction, is `settlement`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import F

from backoffice import leases
from billing import card_attempts, follow_up
from billing.gateway import CardDetails, PaymentIntent
from billing.models import Card, Invoice, Payment
from billing.results import PaymentResult

AUTHENTICATE_WITHIN = timedelta(hours=24)
OPEN_STATUSES = (Payment.Status.REQUESTED, Payment.Status.PROCESSING, Payment.Status.REQUIRES_ACTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSource:
    """What to charge: a saved card, or the token of a new one (pm_… or tok_…), saved for later if `save`.

    `by_customer` says that the signed-in customer gave it.
    """

    card: Card | None = None
    token: str = ""
    save: bool = True
    by_customer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentChange:
    """A payment after a result was applied; `won` if this result changed its status from `before`."""

    payment: Payment
    before: str
    won: bool


# Create


def create_payment(
    *, invoice: Invoice, source: PaymentSource, at: datetime, authenticate_within: timedelta = AUTHENTICATE_WITHIN
) -> Payment:
    """Create the payment of an invoice, to be executed at once."""
    payment = Payment(
        invoice=invoice,
        card=source.card,
        by_customer=source.by_customer,
        amount=invoice.total,
        currency=invoice.currency,
        params=_source_params(source),
        status=Payment.Status.PROCESSING,
        authenticate_within=authenticate_within,
        requested_at=at,
    )
    if invoice.customer.stripe_customer_id:
        payment.params |= charge_params(payment, customer_id=invoice.customer.stripe_customer_id)
    payment.save()
    return payment


def charge_params(payment: Payment, *, customer_id: str) -> dict[str, Any]:
    """Return what Stripe is told of a payment beside its source; `customer_id` is Stripe's."""
    invoice = payment.invoice
    return {
        "amount": payment.amount,
        "currency": payment.currency,
        "customer": customer_id,
        "confirm": True,
        "allowed_payment_method_types": ["card"],
        "description": f"Order {invoice.reference}",
        "metadata": {"payment": str(payment.uuid), "order": invoice.reference, "invoice": invoice.number},
        "expand": ["payment_method"],
    }


def adopt_charge(*, invoice: Invoice, intent: PaymentIntent, at: datetime) -> PaymentChange:
    """Write the payment of a charge that succeeded at Stripe and has no row here; the invoice has no live one."""
    payment = Payment(invoice=invoice, amount=intent.amount, currency=intent.currency, requested_at=at)
    payment.status, payment.attempts, payment.first_sent_at = Payment.Status.PROCESSING, 1, at
    named = _uuid(intent.metadata.get("payment"))
    if named and not Payment.objects.filter(uuid=named).exists():
        payment.uuid = named
    payment.save()
    return apply_payment_result(result=PaymentResult.from_intent(payment, intent), at=at)


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text or "")
    except ValueError:
        return None


def _source_params(source: PaymentSource) -> dict[str, Any]:
    if source.card:
        return {"payment_method": source.card.stripe_payment_method_id}
    future = {"setup_future_usage": "on_session"} if source.save else {}
    if source.token.startswith("pm_"):
        return {"payment_method": source.token} | future
    return {"payment_method_data": {"type": "card", "card": {"token": source.token}}} | future


def end_authentication(*, payment: Payment, at: datetime) -> bool:
    """Have a payment that waits for authentication canceled at Stripe; tell whether it was waiting."""
    waiting = Payment.objects.filter(pk=payment.pk, status=Payment.Status.REQUIRES_ACTION)
    leases.wake(waiting)
    return bool(waiting.update(cancel_requested_at=at))


# Apply results


def apply_payment_result(*, result: PaymentResult, at: datetime) -> PaymentChange:
    """Apply a result once, however often it is received."""
    payment = Payment.objects.locked().select_related("invoice__customer", "card").get(pk=result.payment_id)
    before = payment.status
    if result.status is Payment.Status.SUCCEEDED:
        _save_card(payment, result.card)
    # The condition decides between the call, a webhook and the sweep: whoever comes second changes nothing.
    still_open = Payment.objects.filter(pk=payment.pk, status__in=OPEN_STATUSES)
    columns = _payment_columns(payment, result, at=at)
    written = still_open.update(**columns)
    if written and result.status is not Payment.Status.REQUIRES_ACTION:
        for name, value in columns.items():
            setattr(payment, name, value)
    else:
        payment.refresh_from_db()  # the next attempt was computed by the database
    if written:
        card_attempts.close_payment(payment)
    return PaymentChange(payment=payment, before=before, won=bool(written) and before != payment.status)


def adopt_late_success(*, payment: Payment, result: PaymentResult, at: datetime) -> None:
    """Turn a failed payment into the one that succeeded; its invoice must have no other live one."""
    _save_card(payment, result.card)
    columns = _payment_columns(payment, result, at=at)
    if Payment.objects.filter(pk=payment.pk, status=Payment.Status.FAILED).update(**columns) != 1:
        raise RuntimeError(f"Payment {payment} is not failed any more.")
    payment.refresh_from_db()


def _payment_columns(payment: Payment, result: PaymentResult, *, at: datetime) -> dict[str, Any]:
    waiting = result.status is Payment.Status.REQUIRES_ACTION
    # An attempt planned to cancel the intent is not put off.
    follow_at = F("next_attempt_at") if payment.cancel_requested_at else follow_up.authentication_at()
    return {
        "status": result.status,
        "card": payment.card,
        "stripe_payment_intent_id": result.intent_id or payment.stripe_payment_intent_id,
        "stripe_charge_id": result.charge_id or payment.stripe_charge_id,
        # Only while a browser needs it; the database refuses it on a closed payment.
        "client_secret": (result.client_secret or payment.client_secret) if waiting else "",
        "failure_code": result.failure_code,
        "decline_code": result.decline_code,
        "failure_message": result.message,
        "attention": "",
        "unexpected": 0,
        "next_attempt_at": follow_at if waiting else None,
        "closed_at": None if waiting else at,
    }


def _save_card(payment: Payment, details: CardDetails | None) -> None:
    if details is None or payment.card_id:
        return
    payment.card, created = Card.objects.get_or_create(
        stripe_payment_method_id=details.id,
        defaults={
            **details.columns,
            "customer": payment.invoice.customer,
            "by_customer": payment.by_customer,
            "fingerprint": details.fingerprint if details.attached else "",
            # A payment method that Stripe did not attach to the customer can't be charged again.
            "removed_at": None if details.attached else payment.requested_at,
        },
    )
    if created and payment.card.same().filter(removed_at=None).exclude(pk=payment.card.pk).exists():
        # A saved card was entered again: it is offered once, as the payment method saved first.
        Card.objects.filter(pk=payment.card.pk).update(removed_at=payment.requested_at)
