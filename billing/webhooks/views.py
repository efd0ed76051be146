"""The endpoint of Stripe's webhooks: verify the signature, store the event once, enqueue its task, respond."""

import logging
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from backoffice import logs
from backoffice.enqueue import enqueue_on_commit
from backoffice.stripe_secrets import strip_secrets
from billing import gateway
from billing.models import StripeRemoval, WebhookEvent
from billing.tasks import process_event
from billing.webhooks import processing
from billing.webhooks.payload import InvalidEvent, id_in, read_event, without_person

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """Store an event and acknowledge it: 400 if it is none of Stripe's, 503 while our secret is missing."""
    try:
        event = read_event(gateway.verify_webhook(request.body, request.headers.get("Stripe-Signature", "")))
    except gateway.InvalidRequest as error:
        logger.warning("A webhook is refused (is STRIPE_WEBHOOK_SECRET this endpoint's at Stripe?): %s", error)
        return HttpResponse(error.message, status=400, content_type="text/plain")
    except InvalidEvent as error:
        return HttpResponse(str(error), status=400, content_type="text/plain")
    except gateway.Misconfigured as error:
        # Not 200: Stripe delivers it again, for days, until the secret is set.
        logger.error("A webhook can't be verified: %s", error)  # noqa: TRY400 - the message says it all
        return HttpResponse(status=503)
    # Stored events are shown to staff, and with the secret of an intent a browser could confirm the payment.
    event = strip_secrets(event)
    _store(without_person(event) if is_about_erased(event) else event)
    return HttpResponse(status=200)


def is_about_erased(event: dict[str, Any]) -> bool:
    """Whether an event is about a customer that we had deleted at Stripe: it comes with name and e-mail once more."""
    customers = [each for each in (id_in(event, "customer"), id_in(event, "id")) if each]
    return StripeRemoval.objects.filter(kind=StripeRemoval.Kind.CUSTOMER, stripe_id__in=customers).exists()


def _store(event: dict[str, Any]) -> None:
    # Most events are ignored: they are stored as processed, without waking a worker.
    handled = processing.is_handled(event)
    done = {} if handled else {"next_attempt_at": None, "processed_at": Now(), "ignored": True}
    with transaction.atomic():
        # The unique id makes a second delivery a no-op.
        stored, created = WebhookEvent.objects.get_or_create(
            stripe_event_id=event["id"],
            defaults={"type": event["type"], "payload": event, "enqueued_at": Now(), **done},
        )
        if created and handled:
            enqueue_on_commit(process_event, event_id=stored.pk)
        said = {"stripe_event": event["id"], "stripe_event_type": event["type"], "event_id": stored.pk}
        logs.info_on_commit(logger, "Stripe's event received", **said, again=not created, handled=handled)
