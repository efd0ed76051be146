"""Stripe's own events, delivered to the address that takes them in, and worked on."""

import json
import time
from typing import Any

from django.conf import settings
from django.test import Client

from billing import gateway
from billing.models import WebhookEvent
from billing.tasks import process_event
from fake_stripe.webhooks import signature

ADDRESS = "/webhooks/stripe/"
Event = dict[str, Any]


def happened(kind: str) -> list[Event]:
    """Give what Stripe says has happened lately, the last first."""
    listed: Any = {"type": kind, "limit": 20}
    return [event.to_dict() for event in gateway.client().v1.events.list(listed).data]


def post(event: Event, *, secret: str = "", at: float | None = None) -> Any:
    """Send an event as Stripe does, signed."""
    payload = json.dumps(event, indent=2).encode()
    signed = signature(payload, secret or settings.STRIPE_WEBHOOK_SECRET, int(at or time.time()))
    client = Client(enforce_csrf_checks=True)
    return client.post(ADDRESS, payload, content_type="application/json", headers={"Stripe-Signature": signed})


def deliver(kind: str) -> WebhookEvent:
    """Deliver the last event of a kind, and work on it."""
    event = happened(kind)[0]
    assert post(event).status_code == 200
    kept = WebhookEvent.objects.get(stripe_event_id=event["id"])
    process_event(event_id=kept.pk)
    kept.refresh_from_db()
    return kept
