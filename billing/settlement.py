"""Settlement: execute payments and refunds at Stripe, each exactly once. Always outside any transaction.

The lease is on disk before the call, so that after a crash the next attempt knows that something may have been sent,
and looks it up at Stripe before it posts again. Source: docs/money.md.
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
from billing.results import PaymentResult, RefundResult
from customers.models import Customer

logger = logging.getLogger(__name__)

POST_AGAIN_WITHIN = timedelta(hours=23)  # Stripe keeps an idempotency key for at least 24
AUTHENTICATE_WITHIN = timedelta(hours=24)
CLOCK_SKEW = timedelta(minutes=5)  # between our clock and Stripe's

OperationT = TypeVar("OperationT", bound=StripeOperation)
ResultT = TypeVar("ResultT", PaymentResult, RefundResult)

# What the call to Stripe needs beside the row.
RELATED: dict[type[StripeOperation], str] = {Payment: "invoice__customer", Refund: "payment"}


# The lease


def execute_payment(*, payment_id: int, at: datetime) -> PaymentResult | None:
    """Lease a payment and charge it; None while its result is unknown or another process holds the lease.

    Raise gateway.Misconfigured.
    """
    return _execute(Payment.objects.filter(pk=payment_id), submit_payment, at=at)


def execute_refund(*, refund_id: int, at: datetime) -> RefundResult | None:
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


@contextmanager
def _look_up() -> Iterator[None]:
    """Wrap calls that only read: a 5xx to one of them says nothing of what was posted under the key."""
    try:
        yield
    except gateway.Unavailable as error:
        error.stored = False
        raise


def _too_old_to_post(operation: StripeOperation, *, at: datetime) -> bool:
    # Stripe may have forgotten the key by now, and would execute a second time what it was sent under it.
    return operation.first_sent_at is not None and at - operation.first_sent_at > POST_AGAIN_WITHIN


def _too_old_message() -> str:
    return _("Stripe knows nothing of this after 23 hours of trying; whether to send it again is yours to say.")


def _failure_code(error: gateway.InvalidRequest) -> str:
    if error.code in {"idempotency_error", "idempotency_key_in_use"}:
        # A bug of ours. Another key would hide it, and might charge twice.
        logger.error("The same key went out with other parameters: %s", error.message)
    return error.code


# Payments


def submit_payment(payment: Payment, *, at: datetime) -> PaymentResult:
    """Charge a leased payment; on every attempt but the first, look it up before posting again.

    Raise gateway.Unavailable.
    """
    if payment.stripe_payment_intent_id:
        return fetch_payment_result(payment, at=at)
    if payment.attempts > 1:
        with _look_up():
            intent = find_intent(payment)
        if intent:
            return _current_result(payment, intent, at=at)
        if _too_old_to_post(payment, at=at):
            return PaymentResult(payment_id=payment.pk, status=Payment.Status.PROCESSING, message=_too_old_message())
    return _create_intent(payment)


def fetch_payment_result(payment: Payment, *, at: datetime) -> PaymentResult:
    """Fetch the result of a payment whose PaymentIntent is known; charge nothing. Raise gateway.Unavailable."""
    with _look_up():
        return _current_result(payment, gateway.retrieve_intent(payment.stripe_payment_intent_id or ""), at=at)


def find_intent(payment: Payment) -> gateway.PaymentIntent | None:
    """Find the PaymentIntent of an earlier attempt, by our id in its metadata."""
    customer = payment.invoice.customer
    if not customer.stripe_customer_id:
        return None  # every charge names its customer, so none was posted
    since = (payment.first_sent_at or payment.requested_at) - CLOCK_SKEW
    # The list, since Stripe's search lags by up to an hour.
    recent = gateway.list_intents(customer.stripe_customer_id, since=since)
    ours = next((intent for intent in recent if intent.metadata.get("payment") == str(payment.uuid)), None)
    # Once more by its id: lists don't expand the card.
    return gateway.retrieve_intent(ours.id) if ours else None


def _current_result(payment: Payment, intent: gateway.PaymentIntent, *, at: datetime) -> PaymentResult:
    overdue = at - payment.requested_at > AUTHENTICATE_WITHIN or payment.cancel_requested_at is not None
    abandoned = intent.status == "requires_payment_method" or (intent.status == "requires_action" and overdue)
    # A browser may still hold the client secret and could complete it: only a canceled intent has failed for good.
    return PaymentResult.from_intent(payment, _cancel_intent(intent) if abandoned else intent)


def _cancel_intent(intent: gateway.PaymentIntent) -> gateway.PaymentIntent:
    try:
        canceled = gateway.cancel_intent(intent.id)
    except gateway.InvalidRequest:
        return gateway.retrieve_intent(intent.id)  # it succeeded, or was canceled, a moment earlier
    # A canceled intent reports no failure of its own; staff want to know why the last attempt failed.
    return replace(
        canceled,
        failure_code=intent.failure_code,
        decline_code=intent.decline_code,
        failure_message=intent.failure_message,
    )


def _create_intent(payment: Payment) -> PaymentResult:
    try:
        intent = gateway.create_intent(params=_intent_params(payment), key=payment.idempotency_key)
    except gateway.CardDeclined as error:
        return PaymentResult(
            payment_id=payment.pk,
            status=Payment.Status.FAILED,
            intent_id=error.intent.id if error.intent else "",
            charge_id=error.intent.charge_id if error.intent else "",
            failure_code=error.code,
            decline_code=error.decline_code,
            message=error.message,
        )
    except gateway.InvalidRequest as error:
        return PaymentResult(
            payment_id=payment.pk,
            status=Payment.Status.FAILED,
            failure_code=_failure_code(error),
            message=error.message,
        )
    return PaymentResult.from_intent(payment, intent)


def _intent_params(payment: Payment) -> dict[str, Any]:
    # Saved before they are first sent: the same key must never go out with other parameters.
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
    params: dict[str, Any] = payment.params
    return params


def stripe_customer(customer: Customer, *, key: str) -> str:
    """Return a customer's id at Stripe, created there the first time. Raise gateway.GatewayError."""
    if not customer.stripe_customer_id:
        created = gateway.create_customer(email=customer.email, name=customer.name, reference=str(customer.pk), key=key)
        # Another process may have created one meanwhile: the first one saved is used by all.
        Customer.objects.filter(pk=customer.pk, stripe_customer_id=None).update(stripe_customer_id=created)
        customer.refresh_from_db(fields=["stripe_customer_id"])
    return customer.stripe_customer_id or ""


# Refunds


def submit_refund(refund: Refund, *, at: datetime) -> RefundResult:
    """Send a leased refund; on every attempt but the first, look it up before posting again.

    Needs `refund.payment` loaded and touches no database, so that threads may run it. Raise gateway.Unavailable.
    """
    if refund.stripe_refund_id:
        return _refund_result(refund, gateway.retrieve_refund(refund.stripe_refund_id))
    if refund.attempts > 1:
        with _look_up():
            stripe_refund = find_refund(refund)
        if stripe_refund:
            return _refund_result(refund, stripe_refund)
        if _too_old_to_post(refund, at=at):
            return RefundResult(
                payment_id=refund.payment_id,
                refund_id=refund.pk,
                status=Refund.Status.REQUESTED,
                message=_too_old_message(),
            )
    return _create_refund(refund)


def find_refund(refund: Refund) -> gateway.StripeRefund | None:
    """Find the refund of an earlier attempt at Stripe, by our id in its metadata."""
    refunds = gateway.list_refunds(refund.payment.stripe_payment_intent_id or "")
    return next((each for each in refunds if each.metadata.get("refund") == str(refund.uuid)), None)


def _create_refund(refund: Refund) -> RefundResult:
    try:
        return _refund_result(refund, gateway.create_refund(params=refund.params, key=refund.idempotency_key))
    except gateway.InvalidRequest as error:
        earlier = _find_earlier_refund(refund) if error.code == "charge_already_refunded" else None
        if earlier:
            return replace(_refund_result(refund, earlier), refusal=error.message)
        return RefundResult(
            payment_id=refund.payment_id,
            refund_id=refund.pk,
            status=Refund.Status.FAILED,
            failure_code=_failure_code(error),
            message=error.message,
        )


def _find_earlier_refund(refund: Refund) -> gateway.StripeRefund | None:
    """Find why Stripe says "already refunded": our own refund, or else one of that amount created in its dashboard."""
    with _look_up():
        refunds = list(gateway.list_refunds(refund.payment.stripe_payment_intent_id or ""))
    ours = [each for each in refunds if each.metadata.get("refund") == str(refund.uuid)]
    foreign = [
        each
        for each in refunds
        if "refund" not in each.metadata and each.amount == refund.amount and each.status in {"pending", "succeeded"}
    ]
    return next(iter(ours + foreign), None)


def _refund_result(refund: Refund, stripe_refund: gateway.StripeRefund) -> RefundResult:
    return RefundResult.from_stripe(stripe_refund, refund=refund, payment_id=refund.payment_id)
