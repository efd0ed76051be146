"""All calls to Stripe: plain arguments in, the types and errors of `gateway_types` out.

Each call is one HTTP request: the SDK's own retries are off, so that every retry passes the look-up of `settlement`.
Source: https://docs.stripe.com/api (version pinned by the SDK), https://docs.stripe.com/error-handling.
"""

import functools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar

import stripe
from django.conf import settings
from django.db import transaction

from billing import rate_limit
from billing.gateway_types import (
    Busy,
    CardDeclined,
    CardDetails,
    GatewayError,
    InvalidRequest,
    Misconfigured,
    PaymentIntent,
    StripeDispute,
    StripeRefund,
    Unavailable,
)

__all__ = [
    "Busy",
    "CardDeclined",
    "CardDetails",
    "GatewayError",
    "InvalidRequest",
    "Misconfigured",
    "PaymentIntent",
    "StripeDispute",
    "StripeRefund",
    "Unavailable",
]

PAGE = 100
CONFLICT, SERVER_ERROR = 409, 500

ResultT = TypeVar("ResultT")


@functools.cache
def client() -> stripe.StripeClient:
    if not settings.STRIPE_SECRET_KEY:
        raise Misconfigured("STRIPE_SECRET_KEY is missing: set it, or use `make run`, which brings a stand-in.")
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        http_client=stripe.RequestsClient(timeout=settings.STRIPE_TIMEOUTS),
        max_network_retries=0,
    )


def create_customer(*, email: str, name: str, reference: str, key: str) -> str:
    params: Any = {"email": email, "metadata": {"customer": reference}} | ({"name": name} if name else {})
    return _call(lambda: client().v1.customers.create(params, {"idempotency_key": key})).id


def create_intent(*, params: dict[str, Any], key: str) -> PaymentIntent:
    """Create a PaymentIntent, and confirm it at once if `params` say so."""
    typed: Any = params  # the SDK wants its own TypedDict
    return _intent(_call(lambda: client().v1.payment_intents.create(typed, {"idempotency_key": key})))


def retrieve_intent(intent_id: str) -> PaymentIntent:
    return _intent(_call(lambda: client().v1.payment_intents.retrieve(intent_id, {"expand": ["payment_method"]})))


def cancel_intent(intent_id: str) -> PaymentIntent:
    """Cancel a PaymentIntent, so that it can't succeed any more; raise InvalidRequest if it has."""
    return _intent(_call(lambda: client().v1.payment_intents.cancel(intent_id)))


def list_intents(customer_id: str, *, since: datetime) -> Iterator[PaymentIntent]:
    """List a customer's PaymentIntents since a time, newest first. Lists are current; Stripe's search lags."""
    filters = {"customer": customer_id, "created": {"gte": int(since.timestamp())}}
    return map(_intent, _pages(client().v1.payment_intents.list, filters))


def list_intents_between(since: datetime, until: datetime, *, after: str = "") -> Iterator[PaymentIntent]:
    """List all PaymentIntents created between two times, newest first, those after an id."""
    return map(_intent, _pages(client().v1.payment_intents.list, _created_between(since, until), after=after))


def create_refund(*, params: dict[str, Any], key: str) -> StripeRefund:
    typed: Any = params  # the SDK wants its own TypedDict
    return _refund(_call(lambda: client().v1.refunds.create(typed, {"idempotency_key": key})))


def retrieve_refund(refund_id: str) -> StripeRefund:
    return _refund(_call(lambda: client().v1.refunds.retrieve(refund_id)))


def list_refunds(intent_id: str) -> Iterator[StripeRefund]:
    return map(_refund, _pages(client().v1.refunds.list, {"payment_intent": intent_id}))


def list_refunds_between(since: datetime, until: datetime, *, after: str = "") -> Iterator[StripeRefund]:
    """List all refunds created between two times, newest first, those after an id."""
    return map(_refund, _pages(client().v1.refunds.list, _created_between(since, until), after=after))


def attach_card(*, token: str, customer_id: str) -> CardDetails:
    """Save a card for a customer: `token` is a payment method (pm_…) or a card token (tok_…)."""
    method = token
    if not token.startswith("pm_"):
        params: Any = {"type": "card", "card": {"token": token}}
        method = _call(lambda: client().v1.payment_methods.create(params)).id
    return _card(_call(lambda: client().v1.payment_methods.attach(method, {"customer": customer_id})))


def detach_card(payment_method_id: str) -> None:
    _call(lambda: client().v1.payment_methods.detach(payment_method_id))


def retrieve_dispute(dispute_id: str) -> StripeDispute:
    dispute = _call(lambda: client().v1.disputes.retrieve(dispute_id))
    return StripeDispute(
        id=dispute.id,
        status=dispute.status,
        reason=dispute.reason,
        amount=dispute.amount,
        currency=dispute.currency,
        intent_id=_id(dispute.payment_intent),
    )


def verify_webhook(payload: bytes, signature: str) -> dict[str, Any]:
    """Verify the signature of a webhook and return its event; raise InvalidRequest if Stripe did not sign it."""
    if not settings.STRIPE_WEBHOOK_SECRET:
        # With an empty secret anybody could sign.
        raise Misconfigured("STRIPE_WEBHOOK_SECRET is missing: set it to the secret of this endpoint at Stripe.")
    try:
        event = stripe.Webhook.construct_event(payload, signature, settings.STRIPE_WEBHOOK_SECRET)
    except (ValueError, stripe.SignatureVerificationError) as error:
        raise InvalidRequest(str(error), code="signature") from error
    payload_dict: dict[str, Any] = event.to_dict()
    return payload_dict


def _created_between(since: datetime, until: datetime) -> dict[str, Any]:
    return {"created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}}


def _pages(listing: Callable[[Any], Any], filters: dict[str, Any], *, after: str = "") -> Iterator[Any]:
    more = True
    while more:
        params = filters | {"limit": PAGE} | ({"starting_after": after} if after else {})
        page = _call(lambda params=params: listing(params))  # type: ignore[misc]
        yield from page.data
        more = page.has_more
        after = page.data[-1].id if page.data else ""


def _call(request: Callable[[], ResultT]) -> ResultT:
    # A transaction held over a call would keep its locks for as long as Stripe takes. A test case's own block, which is
    # rolled back at its end, does not count; `atomic(durable=True)` leaves it out of account in the same way.
    if any(not block._from_testcase for block in transaction.get_connection().atomic_blocks):  # noqa: SLF001
        raise RuntimeError("Stripe is called outside transactions only.")
    try:
        rate_limit.wait()
    except rate_limit.QueueFull as error:
        raise Busy(str(error)) from error
    try:
        return request()
    except stripe.CardError as error:
        raise _declined(error) from error
    except stripe.StripeError as error:
        raise _translated(error) from error


def _declined(error: stripe.CardError) -> CardDeclined:
    details = error.error
    intent = getattr(details, "payment_intent", None)
    return CardDeclined(
        error.user_message or "",
        code=error.code or "card_declined",
        decline_code=getattr(details, "decline_code", None) or "",
        intent=_intent(intent) if intent else None,
    )


def _translated(error: stripe.StripeError) -> GatewayError:
    message = error.user_message or str(error)
    status = error.http_status or 0
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return Misconfigured(message, code=_code(error))
    if isinstance(error, stripe.RateLimitError):
        # The limit is the account's: all processes pause.
        rate_limit.slow_down()
        return Busy(message, code=_code(error))
    if status == CONFLICT:
        return Busy(message, code=_code(error))
    if isinstance(error, stripe.InvalidRequestError | stripe.IdempotencyError):
        return InvalidRequest(message, code=_code(error) or "refused")
    # A 5xx without Stripe's error body came from a proxy: Stripe stored nothing under the key that it could replay.
    return Unavailable(message, code=_code(error), stored=status >= SERVER_ERROR and error.error is not None)


def _code(error: stripe.StripeError) -> str:
    # A 409 comes as a plain APIError whose own code is None; an IdempotencyError comes without any code.
    code = error.code or (error.error.code if error.error else "") or ""
    return code or ("idempotency_error" if isinstance(error, stripe.IdempotencyError) else "")


def _id(expandable: Any) -> str:
    # A field holds an id, or the object itself where it was expanded.
    return expandable if isinstance(expandable, str) else (expandable.id if expandable else "")


def _intent(intent: Any) -> PaymentIntent:
    failure = intent.last_payment_error
    method = intent.payment_method
    return PaymentIntent(
        id=intent.id,
        status=intent.status,
        amount=intent.amount,
        currency=intent.currency,
        client_secret=intent.client_secret or "",
        created=intent.created,
        metadata=intent.metadata.to_dict() if intent.metadata else {},
        failure_code=getattr(failure, "code", None) or "",
        decline_code=getattr(failure, "decline_code", None) or "",
        failure_message=getattr(failure, "message", None) or "",
        charge_id=_id(getattr(intent, "latest_charge", None)),
        card=_card(method) if method and not isinstance(method, str) else None,
    )


def _card(method: Any) -> CardDetails:
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


def _refund(refund: Any) -> StripeRefund:
    return StripeRefund(
        id=refund.id,
        status=refund.status or "pending",
        amount=refund.amount,
        currency=refund.currency,
        intent_id=_id(refund.payment_intent),
        created=refund.created,
        metadata=refund.metadata.to_dict() if refund.metadata else {},
        failure_reason=getattr(refund, "failure_reason", None) or "",
    )
