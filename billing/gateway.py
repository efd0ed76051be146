"""All calls to Stripe: plain arguments in, the types and errors of `gateway_types` out.

Each call is one HTTP request: the SDK's own retries are off, so that every retry passes the look-up of `settlement`.
Those to Stripe Tax are in `gateway_tax`; what Stripe returns is read by `gateway_parsers`.
Source: https://docs.stripe.com/api (version pinned by the SDK), https://docs.stripe.com/error-handling.
"""

import functools
import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import stripe
from django.conf import settings

from backoffice import database_clock, logs
from backoffice.stripe_secrets import without_secrets
from backoffice.transactions import refuse_in_transaction
from billing import rate_limit, stripe_clock
from billing.gateway_parsers import parse_card, parse_dispute, parse_intent, parse_refund, parse_review
from billing.gateway_types import (
    Busy,
    CardDeclined,
    CardDetails,
    GatewayError,
    InvalidRequest,
    Misconfigured,
    NotSent,
    Page,
    PaymentIntent,
    StripeDispute,
    StripeRefund,
    StripeReview,
    Unavailable,
    Unexpected,
)

__all__ = [
    "Busy",
    "CardDeclined",
    "CardDetails",
    "GatewayError",
    "InvalidRequest",
    "Misconfigured",
    "NotSent",
    "Page",
    "PaymentIntent",
    "StripeDispute",
    "StripeRefund",
    "Unavailable",
    "Unexpected",
]

logger = logging.getLogger(__name__)
PAGE = 100
CONFLICT, SERVER_ERROR = 409, 500
WEBHOOK_TOLERANCE = 300  # seconds since a webhook was signed, as in the SDK

ResultT = TypeVar("ResultT")
ReadT = TypeVar("ReadT", PaymentIntent, StripeRefund, StripeDispute)


class HttpClient(stripe.RequestsClient):
    """The SDK's own, which also reads Stripe's clock, and logs each request in words of ours."""

    def request(self, method: str, url: str, *args: Any, **options: Any) -> Any:
        started = time.monotonic()
        answer: Any = None
        try:
            answer = super().request(method, url, *args, **options)
        finally:
            fields = {
                "path": urlsplit(url).path,
                "status": answer[1] if answer else "no answer",
                "duration_ms": round((time.monotonic() - started) * 1000, 1),
                "stripe_request_id": answer[2].get("Request-Id", "") if answer else "",
            }
            logs.info(logger, f"Stripe {method.upper()}", **fields)
        stripe_clock.read(answer[2])
        return answer


@functools.cache
def client() -> stripe.StripeClient:
    return new_client(settings.STRIPE_TIMEOUTS)


def new_client(timeouts: tuple[float, float]) -> stripe.StripeClient:
    if not settings.STRIPE_SECRET_KEY:
        raise Misconfigured("STRIPE_SECRET_KEY is missing: set it, or use `make run`, which brings a stand-in.")
    return stripe.StripeClient(
        settings.STRIPE_SECRET_KEY,
        base_addresses={"api": settings.STRIPE_API_BASE},
        http_client=HttpClient(timeout=timeouts),
        max_network_retries=0,
    )


def ask_for_answer(timeouts: tuple[float, float]) -> None:
    """Read one PaymentIntent, outside the rate limit: only for `reachability`. Raise GatewayError."""
    probe = new_client(timeouts)
    _translating(lambda: probe.v1.payment_intents.list({"limit": 1}))


def create_customer(*, email: str, name: str, reference: str, key: str) -> str:
    params: Any = {"email": email, "metadata": {"customer": reference}} | ({"name": name} if name else {})
    return call(lambda: client().v1.customers.create(params, {"idempotency_key": key}), "customers").id


def retrieve_customer(customer_id: str) -> tuple[str, str]:
    """Return a customer's e-mail and the reference it was created with; both "" if it is deleted or names none."""
    customer = call(lambda: client().v1.customers.retrieve(customer_id))
    metadata = getattr(customer, "metadata", None)
    return getattr(customer, "email", None) or "", (metadata.to_dict() if metadata else {}).get("customer", "")


def update_customer(customer_id: str, *, email: str) -> None:
    """Replace a customer's e-mail: sent again, it changes nothing."""
    call(lambda: client().v1.customers.update(customer_id, {"email": email}))


def delete_customer(customer_id: str) -> None:
    """Delete a customer with its cards; charges and refunds stay. Raise InvalidRequest if it is gone already."""
    call(lambda: client().v1.customers.delete(customer_id), "customers")


def create_intent(*, params: dict[str, Any], key: str) -> PaymentIntent:
    """Create a PaymentIntent, and confirm it at once if `params` say so."""
    typed: Any = params  # the SDK wants its own TypedDict
    return parse_intent(call(lambda: client().v1.payment_intents.create(typed, {"idempotency_key": key}), "payments"))


def retrieve_intent(intent_id: str) -> PaymentIntent:
    return parse_intent(call(lambda: client().v1.payment_intents.retrieve(intent_id, {"expand": ["payment_method"]})))


def cancel_intent(intent_id: str) -> PaymentIntent:
    """Cancel a PaymentIntent, so that it can't succeed any more; raise InvalidRequest if it has."""
    return parse_intent(call(lambda: client().v1.payment_intents.cancel(intent_id), "payments"))


def list_intents(customer_id: str) -> Iterator[PaymentIntent]:
    """List all PaymentIntents of a customer, newest first. Lists are current; Stripe's search lags."""
    # From no time on: one that our clock made could lie after the very intent that is looked for.
    return map(parse_intent, _pages(client().v1.payment_intents.list, {"customer": customer_id}))


def intents_page(*, since: datetime | None = None, after: str = "", customer_id: str = "") -> Page[PaymentIntent]:
    """List PaymentIntents, of one customer if named, newest first: those after an id."""
    filters = _created_since(since) | ({"customer": customer_id} if customer_id else {})
    return _page(client().v1.payment_intents.list, parse_intent, filters, after=after)


def create_refund(*, params: dict[str, Any], key: str) -> StripeRefund:
    typed: Any = params  # the SDK wants its own TypedDict
    return parse_refund(call(lambda: client().v1.refunds.create(typed, {"idempotency_key": key}), "refunds"))


def retrieve_refund(refund_id: str) -> StripeRefund:
    return parse_refund(call(lambda: client().v1.refunds.retrieve(refund_id)))


def list_refunds(intent_id: str) -> Iterator[StripeRefund]:
    return map(parse_refund, _pages(client().v1.refunds.list, {"payment_intent": intent_id}))


def refunds_page(*, since: datetime | None = None, after: str = "") -> Page[StripeRefund]:
    return _page(client().v1.refunds.list, parse_refund, _created_since(since), after=after)


def attach_card(*, token: str, customer_id: str) -> CardDetails:
    """Save a card for a customer: `token` is a payment method (pm_…) or a card token (tok_…)."""
    method = token
    if not token.startswith("pm_"):
        params: Any = {"type": "card", "card": {"token": token}}
        method = call(lambda: client().v1.payment_methods.create(params), "customers").id
    return parse_card(call(lambda: client().v1.payment_methods.attach(method, {"customer": customer_id}), "customers"))


def detach_card(payment_method_id: str) -> None:
    call(lambda: client().v1.payment_methods.detach(payment_method_id), "customers")


def retrieve_dispute(dispute_id: str) -> StripeDispute:
    return parse_dispute(call(lambda: client().v1.disputes.retrieve(dispute_id)))


def retrieve_review(review_id: str) -> StripeReview:
    return parse_review(call(lambda: client().v1.reviews.retrieve(review_id)))


def disputes_page(*, since: datetime | None = None, after: str = "") -> Page[StripeDispute]:
    return _page(client().v1.disputes.list, parse_dispute, _created_since(since), after=after)


def verify_webhook(payload: bytes, signature: str) -> str:
    """Return the body of a webhook as text; raise InvalidRequest if Stripe did not sign it."""
    if not settings.STRIPE_WEBHOOK_SECRET:
        # With an empty secret anybody could sign.
        raise Misconfigured("STRIPE_WEBHOOK_SECRET is missing: set it to the secret of this endpoint at Stripe.")
    if not signature.isascii():
        # The SDK can't compare it, and raises a TypeError.
        raise InvalidRequest("The signature has characters that none of Stripe's has.", code="signature")
    try:
        # The signature alone: the SDK's own reading of the body takes its shape for granted, and it would ask this
        # machine's clock how old the signature is.
        text = payload.decode()
        stripe.WebhookSignature.verify_header(text, signature, settings.STRIPE_WEBHOOK_SECRET, None)
        _check_age(signature)
    except (ValueError, stripe.SignatureVerificationError) as error:
        raise InvalidRequest(str(error), code="signature") from error
    return text


def _check_age(signature: str) -> None:
    signed_at = next(int(part[2:]) for part in signature.split(",") if part.startswith("t="))
    if signed_at < database_clock.now().timestamp() - WEBHOOK_TOLERANCE:
        raise ValueError(f"Timestamp outside the tolerance zone ({signed_at})")


def _created_since(since: datetime | None) -> dict[str, Any]:
    return {"created": {"gte": int(since.timestamp())}} if since else {}


def _page(
    listing: Callable[[Any], Any], read: Callable[[Any], ReadT], filters: dict[str, Any], *, after: str
) -> Page[ReadT]:
    params = filters | {"limit": PAGE} | ({"starting_after": after} if after else {})
    page = call(lambda: listing(params))
    rows, unreadable = [], []
    for raw in page.data:
        try:
            rows.append(_checked(read(raw)))
        except Exception as error:  # noqa: BLE001 - one odd row must not hide the others
            unreadable.append((getattr(raw, "id", None) or "", without_secrets(f"{type(error).__name__}: {error}")))
    ids = [each for raw in page.data if (each := getattr(raw, "id", None))]
    if page.has_more and not ids:
        unreadable.append(("", "A page without ids, after which nothing can be listed."))
    return Page(rows=rows, unreadable=unreadable, after=ids[-1] if page.has_more and ids else "")


def _checked(row: ReadT) -> ReadT:
    for name, wanted in (("id", str), ("status", str), ("currency", str), ("amount", int), ("created", int)):
        value = getattr(row, name)
        if not isinstance(value, wanted) or value == "":
            raise ValueError(f"Its {name} is {value!r}.")
    return row


def _pages(listing: Callable[[Any], Any], filters: dict[str, Any], *, after: str = "") -> Iterator[Any]:
    more = True
    while more:
        params = filters | {"limit": PAGE} | ({"starting_after": after} if after else {})
        page = call(lambda params=params: listing(params))  # type: ignore[misc]
        yield from page.data
        more = page.has_more
        after = page.data[-1].id if page.data else ""


def call(request: Callable[[], ResultT], lane: rate_limit.Lane = "reads") -> ResultT:
    """Make one call of the SDK's, outside any transaction and within the rate limit. Raise GatewayError."""
    refuse_in_transaction("Stripe")
    try:
        rate_limit.wait(lane)
    except rate_limit.QueueFull as error:
        raise NotSent(str(error)) from error
    return _translating(request)


def _translating(request: Callable[[], ResultT]) -> ResultT:
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
        intent=parse_intent(intent) if intent else None,
    )


def _translated(error: stripe.StripeError) -> GatewayError:
    message = error.user_message or str(error)
    status = error.http_status or 0
    if isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        return Misconfigured(message, code=_code(error))
    if isinstance(error, stripe.RateLimitError):
        # The limit is the account's: all processes pause.
        rate_limit.slow_down()
        return NotSent(message, code=_code(error))
    if status == CONFLICT:
        return Busy(message, code=_code(error))
    if isinstance(error, stripe.InvalidRequestError | stripe.IdempotencyError):
        return InvalidRequest(message, code=_code(error) or "refused", param=getattr(error, "param", None) or "")
    if 0 < status < SERVER_ERROR:
        return Unexpected(message, code=_code(error))
    # A 5xx without Stripe's error body came from a proxy: Stripe stored nothing under the key that it could replay.
    return Unavailable(message, code=_code(error), stored=status >= SERVER_ERROR and error.error is not None)


def _code(error: stripe.StripeError) -> str:
    # A 409 comes as a plain APIError whose own code is None; an IdempotencyError comes without any code.
    code = error.code or (error.error.code if error.error else "") or ""
    return code or ("idempotency_error" if isinstance(error, stripe.IdempotencyError) else "")
