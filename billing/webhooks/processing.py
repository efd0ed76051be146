"""Working on the inbox: what an event tells of is asked about as it is now, and handed to whoever finishes it."""

import logging
import random
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F
from django.utils import timezone

from billing import stripe_state
from billing.models import WebhookEvent
from billing.results import StripeResult
from billing.signals import results_received

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(days=3)  # as long as Stripe itself goes on delivering; what it told of is reconciled anyway


def process(*, event_id: int, at: datetime) -> None:
    """Work on an event that is due; an error stays on its row, and it is tried again later."""
    event = _claimed(event_id, at=at)
    if event is None:
        return
    try:
        for answer in _heard(event):
            # One by one, so that each says for itself what went wrong with it.
            results_received.send(sender=WebhookEvent, results=[answer], at=at)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told on the row and tried again
        _postpone(event, error, at=at)
    else:
        WebhookEvent.objects.filter(pk=event.pk).update(processed_at=timezone.now(), next_attempt_at=None, error="")


def _claimed(event_id: int, *, at: datetime) -> WebhookEvent | None:
    due = WebhookEvent.objects.filter(pk=event_id, next_attempt_at__lte=at, processed_at=None)
    return (
        WebhookEvent.objects.get(pk=event_id)
        if due.update(attempts=F("attempts") + 1, next_attempt_at=at + LEASE)
        else None
    )


def _heard(event: WebhookEvent) -> list[StripeResult]:
    ask = HANDLERS.get(event.type)
    return ask(event.payload["data"]["object"]) if ask else []


def _postpone(event: WebhookEvent, error: Exception, *, at: datetime) -> None:
    logger.warning("Event %s is tried again: %r", event, error)
    longest = min(2.0 * 2**event.attempts, LONGEST_WAIT.total_seconds())
    again = at + timedelta(seconds=random.uniform(longest / 2, longest))  # noqa: S311 - jitter
    given_up = at - event.received_at > GIVE_UP_AFTER
    WebhookEvent.objects.filter(pk=event.pk).update(
        error=f"{type(error).__name__}: {error}", next_attempt_at=None if given_up else again
    )


HANDLERS: dict[str, Callable[[dict[str, str]], list[StripeResult]]] = {
    **dict.fromkeys(
        ("payment_intent.succeeded", "payment_intent.payment_failed", "payment_intent.canceled"),
        lambda found: stripe_state.fetch_intent(found["id"]),
    ),
    **dict.fromkeys(
        ("refund.created", "refund.updated", "refund.failed"), lambda found: stripe_state.fetch_refund(found["id"])
    ),
    "charge.refunded": lambda found: stripe_state.fetch_refunds_of_intent(found.get("payment_intent") or ""),
    **dict.fromkeys(
        ("charge.dispute.created", "charge.dispute.closed"), lambda found: stripe_state.fetch_dispute(found["id"])
    ),
}
"""What to ask about for each type; any other is kept, and nothing is done about it."""
