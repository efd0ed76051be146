"""Settling: the calls that make a wish true at Stripe, once. Outside any transaction.

A lease is on disk before the call, so that whoever comes after a crash knows that something may have been sent, and
looks before it leaps. Source: docs/money.md.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from billing import gateway, leases
from billing.models import Payment, Refund, StripeOperation
from billing.results import PaymentResult, RefundResult, StripeResult
from customers.models import Customer

logger = logging.getLogger(__name__)

POST_AGAIN_WITHIN = timedelta(hours=23)  # Stripe keeps a key for at least 24
AUTHENTICATE_WITHIN = timedelta(hours=24)
CLOCK_SKEW = timedelta(minutes=5)

ResultT = TypeVar("ResultT", bound=StripeResult)
OperationT = TypeVar("OperationT", bound=StripeOperation)

# What the call to Stripe needs beside the row.
RELATED: dict[type[StripeOperation], str] = {Payment: "invoice__customer", Refund: "payment"}


def claim_operations(rows: QuerySet[OperationT], *, at: datetime, limit: int = 1) -> list[OperationT]:
    """Lease payments or refunds that are still open and may be sent now, each with what its call needs."""
    return leases.claim(
        rows.filter(closed_at=None).select_related(RELATED[rows.model]),
        at=at,
        limit=limit,
        first_sent_at=Coalesce("first_sent_at", Value(at)),
        # Stripe replays its 5xx under the same key: when the look-up finds nothing, the next post needs another key.
        generation=F("generation") + Case(When(answered_5xx=True, then=1), default=0),
        answered_5xx=False,
    )


def postpone_operation(operation: StripeOperation, error: gateway.Unavailable, *, at: datetime) -> None:
    """Give the lease back when it is unknown whether Stripe did it; the next attempt looks it up first."""
    leases.postpone(operation, at=at, backoff=leases.OPERATION_BACKOFF, answered_5xx=error.stored)


def settle_payment(*, payment_id: int, at: datetime) -> PaymentResult | None:
    """Lease a payment and charge it; None while its result is unknown or another process holds the lease.

    Raise gateway.Misconfigured.
    """
    return _execute(Payment.objects.filter(pk=payment_id), submit_payment, at=at)


def settle_refund(*, refund_id: int, at: datetime) -> RefundResult | None:
    """Lease a refund and send it; None while its result is unknown or another process holds the lease.

    Raise gateway.Misconfigured.
    """
    return _execute(Refund.objects.filter(pk=refund_id), submit_refund, at=at)


def _execute(rows: QuerySet[OperationT], submit: Callable[..., ResultT], *, at: datetime) -> ResultT | None:
    for operation in claim_operations(rows, at=at):
        try:
            return submit(operation, at=at)
        except gateway.Misconfigured as error:
            postpone_operation(operation, error, at=at)
            raise
        except gateway.Unavailable as error:
            postpone_operation(operation, error, at=at)
        except gateway.InvalidRequest as error:
            # Only a look-up raises this: Stripe no longer knows what it gave us an id for. That is no proof that no
            # money moved, so the operation stays open and is looked up again.
            logger.exception("Stripe does not know %s any more.", operation)
            postpone_operation(operation, gateway.Unavailable(error.message), at=at)
    return None


def submit_payment(payment: Payment, *, at: datetime) -> PaymentResult:
    """Settle a leased payment with Stripe: look first on every try but the first. Raise gateway.Unavailable."""
    if payment.stripe_payment_intent_id:
        return fetch_payment_result(payment, at=at)
    if payment.attempts > 1:
        with looking():
            found = find_intent(payment)
        if found:
            return _present_answer(payment, found, at=at)
        if _too_late(payment, at=at):
            return PaymentResult(payment_id=payment.pk, status=Payment.Status.PROCESSING, message=_too_late_words())
    return _charge(payment)


def fetch_payment_result(payment: Payment, *, at: datetime) -> PaymentResult:
    """Ask what became of a payment whose intent is known; charge nothing. Raise gateway.Unavailable."""
    with looking():
        return _present_answer(payment, gateway.retrieve_intent(payment.stripe_payment_intent_id or ""), at=at)


def _charge(payment: Payment) -> PaymentResult:
    try:
        intent = gateway.create_intent(params=_sent(payment), key=payment.idempotency_key)
    except gateway.CardDeclined as declined:
        return PaymentResult(
            payment_id=payment.pk,
            status=Payment.Status.FAILED,
            intent_id=declined.intent.id if declined.intent else "",
            failure_code=declined.code,
            decline_code=declined.decline_code,
            message=declined.message,
        )
    except gateway.InvalidRequest as refused:
        return PaymentResult(
            payment_id=payment.pk,
            status=Payment.Status.FAILED,
            failure_code=_loud(refused),
            message=refused.message,
        )
    return payment_result(payment, intent)


@contextmanager
def looking() -> Iterator[None]:
    """Do what only asks: a 5xx that it meets says nothing of what was sent under the key."""
    try:
        yield
    except gateway.Unavailable as trouble:
        trouble.stored = False
        raise


def _present_answer(payment: Payment, intent: gateway.PaymentIntent, *, at: datetime) -> PaymentResult:
    """Read a PaymentIntent as an answer, ended first if nobody waits for it any more."""
    overdue = at - payment.requested_at > AUTHENTICATE_WITHIN or payment.cancel_requested_at is not None
    # A browser may hold its secret, which somebody may have handed out since this payment was read: only a canceled
    # intent can't succeed any more.
    in_vain = intent.status == "requires_payment_method" or (intent.status == "requires_action" and overdue)
    return payment_result(payment, _ended(intent) if in_vain else intent)


def payment_result(payment: Payment, intent: gateway.PaymentIntent) -> PaymentResult:
    """Read a PaymentIntent's present state as an answer; raise gateway.Unavailable while it says nothing."""
    match intent.status:
        case "succeeded":
            status = Payment.Status.SUCCEEDED
        case "requires_action":
            status = Payment.Status.REQUIRES_ACTION
        case "requires_payment_method" | "canceled":
            status = Payment.Status.FAILED
        case _:
            raise gateway.Unavailable(f"{intent.id} is {intent.status}.")
    failed = status is Payment.Status.FAILED
    return PaymentResult(
        payment_id=payment.pk,
        status=status,
        intent_id=intent.id,
        client_secret=intent.client_secret if status is Payment.Status.REQUIRES_ACTION else "",
        failure_code=(intent.failure_code or "authentication_not_completed") if failed else "",
        decline_code=intent.decline_code,
        message=(intent.failure_message or _("The customer did not complete the authentication.")) if failed else "",
        card=intent.card,
    )


def _ended(intent: gateway.PaymentIntent) -> gateway.PaymentIntent:
    try:
        canceled = gateway.cancel_intent(intent.id)
    except gateway.InvalidRequest:
        return gateway.retrieve_intent(intent.id)  # it was faster: what it is now is the answer
    # Canceling keeps the reason of the last attempt, which is what people ask for.
    return replace(
        canceled,
        failure_code=intent.failure_code,
        decline_code=intent.decline_code,
        failure_message=intent.failure_message,
    )


def find_intent(payment: Payment) -> gateway.PaymentIntent | None:
    """Find the PaymentIntent of a payment at Stripe, by our own id in its metadata."""
    customer = payment.invoice.customer
    if not customer.stripe_customer_id:
        return None
    since = (payment.first_sent_at or payment.requested_at) - CLOCK_SKEW
    recent = gateway.list_intents(customer.stripe_customer_id, since=since)
    ours = next((each for each in recent if each.metadata.get("payment") == str(payment.uuid)), None)
    return gateway.retrieve_intent(ours.id) if ours else None


def _sent(payment: Payment) -> dict[str, Any]:
    """Give the exact parameters of the charge, kept from the first time they are sent."""
    if "amount" not in payment.params:
        invoice = payment.invoice
        payment.params |= {
            "amount": payment.amount,
            "currency": payment.currency,
            "customer": stripe_customer(invoice.customer, key=f"customer-{payment.idempotency_key}"),
            "confirm": True,
            "allowed_payment_method_types": ["card"],
            "description": f"Order {invoice.reference}",
            "metadata": {"payment": str(payment.uuid), "order": invoice.reference, "invoice": invoice.number},
            "expand": ["payment_method"],
        }
        payment.save(update_fields=["params"])
    sent: dict[str, Any] = payment.params
    return sent


def stripe_customer(customer: Customer, *, key: str) -> str:
    """Give a customer's id at Stripe, made there the first time. Raise gateway.GatewayError."""
    if not customer.stripe_customer_id:
        made = gateway.create_customer(email=customer.email, name=customer.name, reference=str(customer.pk), key=key)
        Customer.objects.filter(pk=customer.pk, stripe_customer_id=None).update(stripe_customer_id=made)
        customer.refresh_from_db(fields=["stripe_customer_id"])
    return customer.stripe_customer_id or ""


def submit_refund(refund: Refund, *, at: datetime) -> RefundResult:
    """Settle a leased refund with Stripe: look first on every try but the first. Raise gateway.Unavailable.

    Needs `refund.payment` loaded, and touches no database, so that threads may run many side by side.
    """
    if refund.stripe_refund_id:
        return refund_result(refund, gateway.retrieve_refund(refund.stripe_refund_id))
    if refund.attempts > 1:
        with looking():
            found = find_refund(refund)
        if found:
            return refund_result(refund, found)
        if _too_late(refund, at=at):
            unsent = RefundResult(payment_id=refund.payment_id, refund_id=refund.pk, status=Refund.Status.REQUESTED)
            return replace(unsent, message=_too_late_words())
    return _send_back(refund)


def _send_back(refund: Refund) -> RefundResult:
    try:
        return refund_result(refund, gateway.create_refund(params=refund.params, key=refund.idempotency_key))
    except gateway.InvalidRequest as refused:
        found = _already_refunded(refund) if refused.code == "charge_already_refunded" else None
        if found:
            return replace(refund_result(refund, found), refusal=refused.message)
        failed = RefundResult(payment_id=refund.payment_id, refund_id=refund.pk, status=Refund.Status.FAILED)
        return replace(failed, failure_code=_loud(refused), message=refused.message)


def find_refund(refund: Refund) -> gateway.StripeRefund | None:
    """Find a refund at Stripe by our own id in its metadata."""
    known = gateway.list_refunds(refund.payment.stripe_payment_intent_id or "")
    return next((each for each in known if each.metadata.get("refund") == str(refund.uuid)), None)


def _already_refunded(refund: Refund) -> gateway.StripeRefund | None:
    """Find the refund that came before ours: our own, or the same one made by hand at Stripe."""
    with looking():
        known = list(gateway.list_refunds(refund.payment.stripe_payment_intent_id or ""))
    ours = [each for each in known if each.metadata.get("refund") == str(refund.uuid)]
    by_hand = [
        each
        for each in known
        if "refund" not in each.metadata and each.amount == refund.amount and each.status in {"pending", "succeeded"}
    ]
    return next(iter(ours + by_hand), None)


def refund_result(refund: Refund | None, found: gateway.StripeRefund, *, payment_id: int = 0) -> RefundResult:
    """Read a refund's present state at Stripe as an answer."""
    failed = found.status in {"failed", "canceled"}
    yes = Refund.Status.SUCCEEDED if found.status == "succeeded" else Refund.Status.PENDING
    return RefundResult(
        payment_id=refund.payment_id if refund else payment_id,
        refund_id=refund.pk if refund else None,
        status=Refund.Status.FAILED if failed else yes,
        stripe_id=found.id,
        amount=found.amount,
        currency=found.currency,
        failure_code=found.failure_reason if failed else "",
        message=_("The bank could not take the refund: %(why)s.") % {"why": found.failure_reason.replace("_", " ")}
        if failed
        else "",
    )


def _too_late(wish: StripeOperation, *, at: datetime) -> bool:
    return wish.first_sent_at is not None and at - wish.first_sent_at > POST_AGAIN_WITHIN


def _too_late_words() -> str:
    return _("Stripe knows nothing of this after 23 hours of trying; whether to send it again is yours to say.")


def _loud(refused: gateway.InvalidRequest) -> str:
    if refused.code in {"idempotency_error", "idempotency_key_in_use"}:
        logger.error("The same key went out with other parameters: %s", refused.message)
    return refused.code
