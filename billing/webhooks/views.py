"""The endpoint of Stripe's webhooks: verify the signature, store the event once, enqueue its task, respond."""

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
    """Store an event and acknowledge it: 400 if Stripe did not sign it, 503 while our secret is missing."""
    try:
        event = gateway.verify_webhook(request.body, request.headers.get("Stripe-Signature", ""))
    except gateway.InvalidRequest as error:
        return HttpResponse(error.message, status=400, content_type="text/plain")
    except gateway.Misconfigured as error:
        # Not 200: Stripe delivers it again, for days, until the secret is set.
        logger.error("A webhook can't be verified: %s", error)  # noqa: TRY400 - the message says it all
        return HttpResponse(status=503)
    # Stored events are shown to staff, and with this secret a browser could confirm the payment.
    event["data"]["object"].pop("client_secret", None)
    # Most types are not handled: they are stored as processed, without waking a worker.
    handled = processing.handler_for(event["type"]) is not None
    done = {} if handled else {"next_attempt_at": None, "processed_at": timezone.now()}
    with transaction.atomic():
        # The unique id makes a second delivery a no-op.
        stored, created = WebhookEvent.objects.get_or_create(
            stripe_event_id=event["id"],
            defaults={"type": event["type"], "payload": event, "enqueued_at": timezone.now(), **done},
        )
        if created and handled:
            enqueue_on_commit(process_event, event_id=stored.pk)
    return HttpResponse(status=200)
