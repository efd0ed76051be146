"""Process stored webhook events: fetch the current state of the object from Stripe and send the results.

What the event itself says is never applied: events come late, twice and in any order.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from billing import leases, rate_limit, stripe_state
from billing.models import WebhookEvent
from billing.results import StripeResult
from billing.signals import results_received
from billing.webhooks import news

logger = logging.getLogger(__name__)

# As long as Stripe itself goes on delivering; later the nightly reconciliation finds what is left.
GIVE_UP_AFTER = timedelta(days=3)
OWN_RESULT_WAIT = timedelta(seconds=5)
PAYLOAD_BATCH = 1000  # events of one transaction


def process_event(*, event_id: int, at: datetime) -> None:
    """Process an event unless that is done, or another process is doing it. An error is kept on the row and retried."""
    for event in leases.claim(WebhookEvent.objects.filter(pk=event_id, processed_at=None), at=at, enqueued_at=None):
        if event.payload and news.awaits_own_result(event):
            leases.release(event, next_attempt_at=timezone.now() + OWN_RESULT_WAIT)
            continue
        try:
            for result in _as_job(event):
                # One by one, so that the error of one does not keep the others from being applied.
                results_received.send(sender=WebhookEvent, results=[result], at=at)
        except Exception as error:  # noqa: BLE001 - any error is kept on the row
            _retry_later(event, error, at=at)
        else:
            leases.release(event, next_attempt_at=None, processed_at=timezone.now(), error="")


def handler_for(event_type: str) -> tuple[Callable[[str], list[StripeResult]], str] | None:
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
        case _:
            return None


def _fetch_results(event: WebhookEvent) -> list[StripeResult]:
    handler = handler_for(event.type)
    # The payload is removed after a time.
    if handler is None or not event.payload or not news.is_news(event):
        return []
    fetch, field = handler
    stripe_id = event.payload["data"]["object"].get(field)
    # A charge without a PaymentIntent is none of ours.
    return fetch(stripe_id) if stripe_id else []


def _as_job(event: WebhookEvent) -> list[StripeResult]:
    with rate_limit.as_job():
        return _fetch_results(event)


def _retry_later(event: WebhookEvent, error: Exception, *, at: datetime) -> None:
    logger.warning("Event %s is tried again: %r", event, error)
    message = f"{type(error).__name__}: {error}"
    if at - event.received_at > GIVE_UP_AFTER:
        leases.release(event, next_attempt_at=None, error=message)
    else:
        leases.postpone(event, at=at, backoff=leases.EVENT_BACKOFF, error=message)


def remove_old_payloads(*, at: datetime) -> int:
    """Empty the payloads of events that were processed WEBHOOK_PAYLOAD_DAYS ago; return how many."""
    processed = WebhookEvent.objects.filter(processed_at__lte=at - timedelta(days=settings.WEBHOOK_PAYLOAD_DAYS))
    old = processed.exclude(payload={}).order_by("pk")
    removed = 0
    while keys := list(old.values_list("pk", flat=True)[:PAYLOAD_BATCH]):
        removed += WebhookEvent.objects.filter(pk__in=keys).update(payload={})
    return removed
