"""Working on the inbox: what an event tells of is asked about as it is now, and handed to whoever finishes it."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from billing import leases, stripe_state
from billing.models import WebhookEvent
from billing.results import StripeResult
from billing.signals import results_received

logger = logging.getLogger(__name__)

GIVE_UP_AFTER = timedelta(days=3)  # as long as Stripe itself goes on delivering; what it told of is reconciled anyway


def process(*, event_id: int, at: datetime) -> None:
    """Work on an event that is due; an error stays on its row, and it is tried again later."""
    for event in leases.claim(WebhookEvent.objects.filter(pk=event_id, processed_at=None), at=at):
        _process(event, at=at)


def _process(event: WebhookEvent, *, at: datetime) -> None:
    try:
        for answer in _heard(event):
            # One by one, so that each says for itself what went wrong with it.
            results_received.send(sender=WebhookEvent, answers=[answer], at=at)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told on the row and tried again
        _postpone(event, error, at=at)
    else:
        leases.release(event, next_attempt_at=None, processed_at=timezone.now(), error="")


def _heard(event: WebhookEvent) -> list[StripeResult]:
    ask = HANDLERS.get(event.type)
    return ask(event.payload["data"]["object"]) if ask else []


def _postpone(event: WebhookEvent, error: Exception, *, at: datetime) -> None:
    logger.warning("Event %s is tried again: %r", event, error)
    message = f"{type(error).__name__}: {error}"
    if at - event.received_at > GIVE_UP_AFTER:
        leases.release(event, next_attempt_at=None, error=message)
    else:
        leases.postpone(event, at=at, backoff=leases.EVENT_BACKOFF, error=message)


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
