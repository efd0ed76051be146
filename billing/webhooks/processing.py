"""Process stored webhook events: fetch the current state of the object from Stripe and send the results.

What the event itself says is never applied: events come late, twice and in any order.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models.functions import Now

from backoffice import leases, logs
from backoffice.stripe_secrets import without_secrets
from billing import backoffs, gateway, rate_limit, stripe_state
from billing.models import WebhookEvent
from billing.results import Notice, StripeResult
from billing.signals import results_received
from billing.webhooks import news
from billing.webhooks.payload import id_in

logger = logging.getLogger(__name__)

# As long as Stripe itself goes on delivering; later the nightly reconciliation finds what is left.
GIVE_UP_AFTER = timedelta(days=3)
OWN_RESULT_WAIT = timedelta(seconds=5)


def process_event(*, event_id: int, at: datetime) -> None:
    """Process an event unless that is done, or another process is doing it. An error is kept on the row and retried."""
    for event in leases.claim(WebhookEvent.objects.filter(pk=event_id, processed_at=None), enqueued_at=None):
        with logs.bound(stripe_event=event.stripe_event_id, stripe_event_type=event.type):
            _process(event, at=at)


def _process(event: WebhookEvent, *, at: datetime) -> None:
    if event.payload and news.awaits_own_result(event):
        leases.release(event, next_attempt_at=Now() + OWN_RESULT_WAIT)
        return
    try:
        results = _as_job(event)
        for result in results:
            # One by one, so that the error of one does not keep the others from being applied.
            results_received.send(sender=WebhookEvent, results=[result], at=at)
    except Exception as error:  # noqa: BLE001 - any error is kept on the row
        _retry_later(event, error)
    else:
        foreign = _is_foreign(event, results)
        leases.release(event, next_attempt_at=None, processed_at=Now(), error="", ignored=foreign)
        logs.info(logger, "Stripe's event processed", results=len(results), order=_order_of(event))


def _order_of(event: WebhookEvent) -> str:
    """Return the order's number that an event names, in the metadata that each payment of ours has at Stripe."""
    metadata = event.payload.get("data", {}).get("object", {}).get("metadata")
    number = metadata.get("order") if isinstance(metadata, dict) else None
    return number if isinstance(number, str) else ""


def handler_for(event_type: str) -> tuple[Callable[[str], Sequence[StripeResult | Notice]], str] | None:
    """Return what fetches the results, and which field of the event's object it takes; None for a type not handled."""
    match event_type:
        case "payment_intent.succeeded" | "payment_intent.payment_failed" | "payment_intent.canceled":
            return stripe_state.fetch_intent, "id"
        case "refund.created" | "refund.updated" | "refund.failed":
            return stripe_state.fetch_refund, "id"
        case "charge.refunded":
            return stripe_state.fetch_refunds_of_intent, "payment_intent"
        case "charge.dispute.created" | "charge.dispute.closed":
            return stripe_state.fetch_dispute, "id"
        case "review.opened" | "review.closed":
            return stripe_state.fetch_review, "id"
        case _:
            return None


def is_handled(event: dict[str, Any]) -> bool:
    """Tell whether an event of this type and shape can say anything about our objects."""
    handler = handler_for(event["type"])
    # A charge without a PaymentIntent is none of ours.
    return handler is not None and bool(id_in(event, handler[1]))


def _fetch_results(event: WebhookEvent) -> Sequence[StripeResult | Notice]:
    handler = handler_for(event.type)
    stripe_id = id_in(event.payload, handler[1]) if handler else ""
    # The payload is removed after a time.
    if handler is None or not stripe_id or not news.is_news(event):
        return []
    try:
        return handler[0](stripe_id)
    except gateway.InvalidRequest:
        # Stripe does not know it: an object of a connected account, of the other mode, or removed test data. An id
        # that one of our rows has is another matter, and stays an error.
        if stripe_state.is_ours(stripe_id):
            raise
        return []


def _as_job(event: WebhookEvent) -> Sequence[StripeResult | Notice]:
    with rate_limit.as_job():
        return _fetch_results(event)


def _is_foreign(event: WebhookEvent, results: Sequence[StripeResult | Notice]) -> bool:
    handler = handler_for(event.type)
    return not results and not (handler and stripe_state.is_ours(id_in(event.payload, handler[1])))


def _retry_later(event: WebhookEvent, error: Exception) -> None:
    logger.warning("Event %s is tried again: %r", event, error)
    message = without_secrets(f"{type(error).__name__}: {error}")
    if event.leased_at - event.received_at > GIVE_UP_AFTER:
        leases.release(event, next_attempt_at=None, error=message)
    else:
        # Not to wait an hour after Stripe was away for minutes.
        away = isinstance(error, gateway.Unavailable)
        backoff = backoffs.OPERATION if away else backoffs.EVENT
        leases.postpone(event, backoff=backoff, error=message)
