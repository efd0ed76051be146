"""Stripe's webhooks: verify, keep once, ring, answer. What an event means is worked out by the task."""

import logging

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing import gateway
from billing.models import WebhookEvent
from billing.tasks import enqueue_on_commit, process_event
from billing.webhooks import processing

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """Keep an event, and acknowledge it: 400 if Stripe did not sign it, 503 while we could not know."""
    try:
        event = gateway.verify_webhook(request.body, request.headers.get("Stripe-Signature", ""))
    except gateway.InvalidRequest as refused:
        return HttpResponse(refused.message, status=400, content_type="text/plain")
    except gateway.Misconfigured as missing:
        logger.error("A webhook can't be verified: %s", missing)  # noqa: TRY400 - the sentence says all
        return HttpResponse(status=503)
    # With it a browser could pay in the customer's place, and what is kept here is shown to staff.
    event["data"]["object"].pop("client_secret", None)
    # Most events tell of nothing that is done anything about: no worker is called for those.
    heeded = event["type"] in processing.HANDLERS
    done = {} if heeded else {"next_attempt_at": None, "processed_at": timezone.now()}
    with transaction.atomic():
        kept, new = WebhookEvent.objects.get_or_create(
            stripe_event_id=event["id"], defaults={"type": event["type"], "payload": event, **done}
        )
        if new and heeded:
            enqueue_on_commit(process_event, event_id=kept.pk)
    return HttpResponse(status=200)
