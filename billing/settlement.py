"""Settlement: execute payments and refunds at Stripe, each exactly once. Always outside any transaction.

The lease is on disk before the call, so that after a crash the next attempt knows that something may have been sent,
and looks it up at Stripe before it posts again. Source: docs/money.md.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError
from django.db.models import Case, F, Func, QuerySet, When
from django.db.models.functions import Coalesce, Greatest, Now
from django.utils.translation import gettext as _

from backoffice import database_clock, leases, logs
from billing import backoffs, gateway, recovery, restore, stripe_clock
from billing.customer_updates import request_update
from billing.models import Payment, Refund, StripeOperation, TaxTransaction
from billing.payments import charge_params
from billing.results import PaymentResult, RefundResult
from customers.models import Customer

logger = logging.getLogger(__name__)

UNDECIDED_FOR = timedelta(days=30)  # a payment that is still processing then is not asked about any more
POST_AGAIN_WITHIN = timedelta(hours=23)  # Stripe keeps an idempotency key for at least 24
MAX_UNEXPECTED = 5  # answers that nobody expects, after which users decide

OperationT = TypeVar("OperationT", bound=StripeOperation)
ResultT = TypeVar("ResultT", PaymentResult, RefundResult)

# What the call to Stripe needs beside the row.
RELATED: dict[type[StripeOperation], tuple[str, ...]] = {
    Payment: ("invoice__customer",),
    Refund: ("payment__invoice",),
    TaxTransaction: ("invoice", "original"),
}


# The lease


def execute_payment(*, payment_id: int) -> PaymentResult | None:
    """Lease a payment and charge it; None while its result is unknown or another process holds the lease.

    Raise gateway.Misconfigured.
    """
    return _execute(Payment.objects.filter(pk=payment_id), submit_payment)


def execute_refund(*, refund_id: int) -> RefundResult | None:
    """Lease a refund and send it; None while its result is unknown or another process holds the lease.

    Raise gateway.Misconfigured.
    """
    return _execute(Refund.objects.filter(pk=refund_id), submit_refund)


def _execute(rows: QuerySet[OperationT], submit: Callable[[OperationT], ResultT]) -> ResultT | None:
    for operation in claim_operations(rows):
        with logs.bound(**operation.log_ids):
            return _submit(operation, submit)
    return None


def _submit(operation: OperationT, submit: Callable[[OperationT], ResultT]) -> ResultT | None:
    try:
        result = submit(operation)
    except gateway.Misconfigured as error:
        postpone_operation(operation, error)
        raise
    except (OperationalError, InterfaceError):
        raise  # the database is gone: the next attempt comes after the lease
    except Exception as error:  # noqa: BLE001 - whatever Stripe answered must not loop by itself
        # The same type as `submit` returns.
        return failed_attempt(operation, error)  # type: ignore[return-value]
    recovery.note_success(operation)
    return result


def claim_operations(rows: QuerySet[OperationT], *, limit: int = 1) -> list[OperationT]:
    """Lease operations that are still open and may be sent now, each with what its call needs.

    None in a restored database: what it calls open may have been sent since. While Stripe was not asked whether this
    server's disk is one from before, all are looked up first.
    """
    state = restore.state()
    if state.blocked:
        return []
    if not state.looked:
        restore.doubt(rows)
    return leases.claim(
        rows.filter(closed_at=None).select_related(*RELATED[rows.model]),
        limit=limit,
        first_sent_at=Coalesce("first_sent_at", sent_now()),
        # Stripe replays its 5xx under the same key: when the look-up finds nothing, the next post needs another key.
        generation=F("generation") + Case(When(answered_5xx=True, then=1), default=0),
        answered_5xx=False,
        postponed=False,
    )


def sent_now() -> Func:
    """Return when an operation is first sent: Stripe's time where it is later, as it is compared."""
    told = stripe_clock.now()
    return Greatest(Now(), told) if told else Now()


def failed_attempt(operation: StripeOperation, error: Exception) -> PaymentResult | RefundResult | None:
    """Have a leased operation tried again later; after too many answers that nobody expects, return that it waits.

    The next attempt looks it up first: it is unknown whether Stripe did it.
    """
    if isinstance(error, gateway.Unavailable) and not isinstance(error, gateway.Unexpected):
        postpone_operation(operation, error)
        return None
    # A card error to a refund, an answer without its fields, an id of Stripe's own that it does not know any more: none
    # of them proves that no money moved.
    if isinstance(error, gateway.InvalidRequest):
        logger.error("Stripe does not know %s any more.", operation, exc_info=error)
    else:
        logger.error("Stripe's answer to %s is not understood.", operation, exc_info=error)
    if operation.unexpected + 1 >= MAX_UNEXPECTED:
        return _waiting(operation, _unexpected_message(error))
    stored = isinstance(error, gateway.Unavailable) and error.stored
    leases.postpone(
        operation,
        backoff=backoffs.OPERATION,
        answered_5xx=stored,
        unexpected=operation.unexpected + 1,
    )
    return None


def postpone_operation(operation: StripeOperation, error: gateway.Unavailable) -> None:
    """Give the lease back when it is unknown whether Stripe did it; the next attempt looks it up first."""
    # What Stripe has put off itself is not woken: it asked for less, or waits for the bank.
    away = not (isinstance(error, gateway.Busy | gateway.Misconfigured) or error.undecided)
    backoff = backoffs.UNDECIDED if error.undecided else backoffs.OPERATION
    leases.postpone(operation, backoff=backoff, answered_5xx=error.stored, postponed=away)


@contextmanager
def _look_up() -> Iterator[None]:
    """Wrap calls that only read: a 5xx to one of them says nothing of what was posted under the key."""
    try:
        yield
    except gateway.Unavailable as error:
        error.stored = False
        raise


def _too_old_to_post(operation: StripeOperation) -> bool:
    # Stripe may have forgotten the key by now, and would execute a second time what it was sent under it. Stripe's own
    # time counts where it is later: the database's clock may have been set back since.
    latest = stripe_clock.latest(operation.leased_at)
    return operation.first_sent_at is not None and latest - operation.first_sent_at > POST_AGAIN_WITHIN


def _too_old_message() -> str:
    return _("Stripe knows nothing of this after 23 hours of trying; whether to send it again is yours to say.")


def _unexpected_message(error: Exception) -> str:
    why = error.message if isinstance(error, gateway.GatewayError) else repr(error)
    sentence = _(
        "Stripe's answer was not understood %(times)s times (%(why)s). Look it up at Stripe, then send it again."
    )
    return sentence % {"times": MAX_UNEXPECTED, "why": why.rstrip(".")}


def _waiting(operation: StripeOperation, message: str) -> PaymentResult | RefundResult:
    """Return that the operation is not tried again by itself, and why."""
    if isinstance(operation, Payment):
        return PaymentResult(payment_id=operation.pk, status=Payment.Status.PROCESSING, message=message)
    refund: Any = operation
    return RefundResult(
        payment_id=refund.payment_id, refund_id=refund.pk, status=Refund.Status.REQUESTED, message=message
    )


def _failure_code(error: gateway.InvalidRequest) -> str:
    if error.code in {"idempotency_error", "idempotency_key_in_use"}:
        # A bug of ours. Another key would hide it, and might charge twice.
        logger.error("The same key went out with other parameters: %s", error.message)
    return error.code


# Payments


def submit_payment(payment: Payment) -> PaymentResult:
    """Charge a leased payment; on every attempt but the first, look it up before posting again.

    Raise gateway.Unavailable.
    """
    if payment.stripe_payment_intent_id:
        with _look_up():
            intent = gateway.retrieve_intent(payment.stripe_payment_intent_id)
        return _current_result(payment, intent, at=payment.leased_at)
    if payment.attempts > 1:
        with _look_up():
            found = find_intent(payment)
        if found:
            return _current_result(payment, found, at=payment.leased_at)
        if _too_old_to_post(payment):
            return PaymentResult(payment_id=payment.pk, status=Payment.Status.PROCESSING, message=_too_old_message())
    return _create_intent(payment)


def fetch_payment_result(payment: Payment) -> PaymentResult:
    """Fetch the result of a payment whose PaymentIntent is known; charge nothing. Raise gateway.Unavailable."""
    with _look_up():
        intent = gateway.retrieve_intent(payment.stripe_payment_intent_id or "")
        return _current_result(payment, intent, at=database_clock.now())


def find_intent(payment: Payment) -> gateway.PaymentIntent | None:
    """Find the PaymentIntent of an earlier attempt, by our id in its metadata."""
    customer_id = payment.params.get("customer") or payment.invoice.customer.stripe_customer_id
    if not customer_id:
        return None  # every charge names its customer, so none was posted
    # The list, since Stripe's search lags by up to an hour; to its last page, since no clock of ours may bound it.
    ours = next(
        (intent for intent in gateway.list_intents(customer_id) if intent.metadata.get("payment") == str(payment.uuid)),
        None,
    )
    # Once more by its id: lists don't expand the card.
    return gateway.retrieve_intent(ours.id) if ours else None


def _current_result(payment: Payment, intent: gateway.PaymentIntent, *, at: datetime) -> PaymentResult:
    # By the database's clock alone: `requested_at` is what the caller said.
    age = at - (payment.first_sent_at or at)
    if intent.status == "processing" and age > UNDECIDED_FOR:
        why = _("Stripe has been processing this payment for a month: look at it in Stripe's dashboard.")
        return PaymentResult(payment_id=payment.pk, status=Payment.Status.PROCESSING, message=why)
    overdue = age > payment.authenticate_within or payment.cancel_requested_at is not None
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
        customer_id = stripe_customer(payment.invoice.customer, key=f"customer-{payment.idempotency_key}")
        payment.params |= charge_params(payment, customer_id=customer_id)
        payment.save(update_fields=["params"])
    params: dict[str, Any] = payment.params
    return params


def stripe_customer(customer: Customer, *, key: str) -> str:
    """Return a customer's id at Stripe, created there the first time. Raise gateway.GatewayError."""
    if not customer.stripe_customer_id:
        # Edited between two attempts, the parameters are others, which Stripe refuses under the same key.
        digest = hashlib.sha256(f"{customer.email} {customer.name}".encode()).hexdigest()[:16]
        created = gateway.create_customer(
            email=customer.email, name=customer.name, reference=str(customer.pk), key=f"{key}-{digest}"
        )
        # Another process may have created one meanwhile: the first one saved is used by all.
        Customer.objects.filter(pk=customer.pk, stripe_customer_id=None).update(stripe_customer_id=created)
        sent = customer.email
        customer.refresh_from_db(fields=["stripe_customer_id", "email"])
        if customer.email != sent:  # changed during the call, when there was no id to update
            request_update(customer=customer, at=database_clock.now())
    return customer.stripe_customer_id or ""


# Refunds


def submit_refund(refund: Refund) -> RefundResult:
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
        if _too_old_to_post(refund):
            return _waiting(refund, _too_old_message())  # type: ignore[return-value]  # of a refund
    return _create_refund(refund)


def find_refund(refund: Refund) -> gateway.StripeRefund | None:
    """Find the refund of an earlier attempt at Stripe, by our id in its metadata."""
    refunds = gateway.list_refunds(refund.payment.stripe_payment_intent_id or "")
    return next((each for each in refunds if each.metadata.get("refund") == str(refund.uuid)), None)


def _create_refund(refund: Refund) -> RefundResult:
    try:
        return _refund_result(refund, gateway.create_refund(params=refund.params, key=refund.idempotency_key))
    except gateway.InvalidRequest as error:
        refunds = _refunds_at_stripe(refund)
        earlier = _find_earlier_refund(refund, refunds) if error.code == "charge_already_refunded" else None
        if earlier:
            return replace(_refund_result(refund, earlier), refusal=error.message, others=_foreign(refunds))
        return RefundResult(
            payment_id=refund.payment_id,
            refund_id=refund.pk,
            status=Refund.Status.FAILED,
            failure_code=_failure_code(error),
            message=error.message,
            others=_foreign(refunds),
        )


def _foreign(refunds: Sequence[gateway.StripeRefund]) -> tuple[gateway.StripeRefund, ...]:
    return tuple(each for each in refunds if "refund" not in each.metadata)


def _refunds_at_stripe(refund: Refund) -> list[gateway.StripeRefund]:
    try:
        with _look_up():
            return list(gateway.list_refunds(refund.payment.stripe_payment_intent_id or ""))
    except gateway.InvalidRequest:
        return []  # Stripe does not know the payment itself, which is why it refused


def _find_earlier_refund(refund: Refund, refunds: Sequence[gateway.StripeRefund]) -> gateway.StripeRefund | None:
    """Find why Stripe says "already refunded": our own refund, or else one of that amount created in its dashboard."""
    ours = [each for each in refunds if each.metadata.get("refund") == str(refund.uuid)]
    live = {"pending", "succeeded"}
    foreign = [each for each in _foreign(refunds) if each.amount == refund.amount and each.status in live]
    return next(iter(ours + foreign), None)


def _refund_result(refund: Refund, stripe_refund: gateway.StripeRefund) -> RefundResult:
    return RefundResult.from_stripe(stripe_refund, refund=refund, payment_id=refund.payment_id)
