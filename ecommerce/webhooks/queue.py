"""Deliveries as a queue: which may go out now, and what their answers mean for them and for their endpoint.

Each is sent under a lease (backoff and leases as in every queue), outside any transaction.
"""

import json
import logging
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _

from backoffice import leases, logs
from ecommerce.models import WebhookDelivery, WebhookEndpoint
from ecommerce.webhooks import endpoints, payloads
from ecommerce.webhooks.events import TEST
from ecommerce.webhooks.request import GONE, TOTAL_SECONDS, Answer
from ecommerce.webhooks.signing import envelope

logger = logging.getLogger(__name__)
Status = WebhookDelivery.Status

LEASE = timedelta(seconds=TOTAL_SECONDS + 20)
RETRY = leases.Backoff(first=timedelta(seconds=5), longest=timedelta(hours=3), jitter=0.5)
GIVE_UP_AFTER = timedelta(days=3)
# An endpoint as a whole that does not answer, or has failed so many times in a row, is asked by one attempt when it has
# been failing for half as long again.
FAILURES_IN_A_ROW = 5
FIRST_ENDPOINT_WAIT, LONGEST_ENDPOINT_WAIT = timedelta(seconds=2), timedelta(minutes=5)
LONGEST_RETRY_AFTER = timedelta(hours=1)
DEAD_AFTER = timedelta(days=1)
TOO_MANY_REQUESTS, UNAVAILABLE = 429, 503


def due(endpoint_id: int) -> QuerySet[WebhookDelivery]:
    """The queued deliveries of an endpoint that are first of their stream."""
    queued = WebhookDelivery.objects.filter(status=Status.QUEUED)
    same_stream = queued.filter(endpoint=OuterRef("endpoint"), stream=OuterRef("stream"))
    return queued.filter(~Exists(same_stream.filter(sequence__lt=OuterRef("sequence"))), endpoint=endpoint_id)


def ready_endpoints() -> list[WebhookEndpoint]:
    """The endpoints that may be called now and have something to get."""
    waiting = WebhookDelivery.objects.filter(status=Status.QUEUED, next_attempt_at__lte=Now())
    callable_now = WebhookEndpoint.objects.filter(Q(retry_at=None) | Q(retry_at__lte=Now()), active=True)
    return list(callable_now.filter(Exists(waiting.filter(endpoint=OuterRef("pk")))).order_by("pk"))


def claim(endpoint: WebhookEndpoint, *, limit: int) -> list[WebhookDelivery]:
    """Lease deliveries of an endpoint; only one where it has failed, for all workers together."""
    if endpoint.retry_at is None:
        return leases.claim(due(endpoint.pk), limit=limit, lease=LEASE)
    with transaction.atomic():
        mine = WebhookEndpoint.objects.filter(pk=endpoint.pk, active=True, retry_at__lte=Now())
        if not mine.select_for_update(skip_locked=True, no_key=True).exists():
            return []
        claimed = leases.claim(due(endpoint.pk), limit=1, lease=LEASE)
        if claimed:
            mine.update(retry_at=Now() + LEASE)
    return claimed


def write_payload(delivery: Any) -> bool:
    """Write the body of a delivery, for all endpoints; False if nothing is left to tell, and it is canceled."""
    if delivery.payload:
        return True
    try:
        _write_payload(delivery)
    except payloads.ObjectGone:
        leases.release(delivery, next_attempt_at=None, status=Status.CANCELED, error=_("Nothing is left to tell of."))
        return False
    except Exception as error:
        logger.exception("The payload of webhook delivery %s could not be made.", delivery.pk)
        why = _("Its content could not be made: %(why)s.") % {"why": type(error).__name__}
        _put_off(delivery, RETRY.wait(delivery.attempts), {"error": why})
        return False
    return True


def _write_payload(delivery: WebhookDelivery) -> None:
    with transaction.atomic():
        # Locked before the object is read: an erasure, which empties them, comes before that or after it is written.
        same = WebhookDelivery.objects.filter(event_id=delivery.event_id).order_by("pk").select_for_update(no_key=True)
        payloads_by_key = dict(same.values_list("pk", "payload"))
        # Another worker may have written it meanwhile.
        payload = next(filter(None, payloads_by_key.values()), "") or envelope(delivery, _object(delivery))
        unwritten = [key for key, written in payloads_by_key.items() if not written]
        WebhookDelivery.objects.filter(pk__in=unwritten).update(payload=payload)
    delivery.payload = payload


def _object(delivery: WebhookDelivery) -> dict[str, Any]:
    if delivery.type == TEST:
        return {"object": delivery.object_type, "id": delivery.object_id}
    return payloads.object_of(delivery.object_type, delivery.object_id)


def record(delivery: Any, answer: Answer) -> None:
    """Write what became of an attempt."""
    said = {"response_status": answer.status, "response_body": answer.body, "duration_ms": answer.duration_ms}
    said["request_headers"] = delivery.request_headers
    logs.info(
        logger, "Webhook delivered" if answer.is_success else "Webhook not delivered", **_log_fields(delivery, answer)
    )
    if answer.is_success:
        _delivered(delivery, said)
        return
    _put_off(delivery, _wait(delivery, answer), said | {"error": answer.error})
    _endpoint_failed(delivery.endpoint_id, answer)


def _log_fields(delivery: WebhookDelivery, answer: Answer) -> dict[str, Any]:
    what = json.loads(delivery.payload)["data"]["object"]
    ids = {"delivery_id": delivery.pk, "endpoint_id": delivery.endpoint_id, "event_id": delivery.event_id}
    return {
        **ids,
        "type": delivery.type,
        "attempt": delivery.attempts,
        "status": answer.status or "no answer",
        "duration_ms": answer.duration_ms,
        # Refunds, disputes and returns hold their order.
        "order": (what if delivery.object_type == "order" else what.get("order", {})).get("number", ""),
    }


def _put_off(delivery: Any, wait: timedelta, said: Mapping[str, Any]) -> None:
    """Have a delivery tried again, or give it up after three days: those behind it wait for it."""
    if delivery.leased_at - delivery.queued_at > GIVE_UP_AFTER:
        # With the lease, which may have been lost with its process many times.
        error = _("Given up after three days. %(error)s") % {"error": said["error"]}
        leases.release(delivery, next_attempt_at=None, status=Status.FAILED, **{**said, "error": error})
    else:
        leases.release(delivery, next_attempt_at=Now() + wait, **said)


def _delivered(delivery: WebhookDelivery, said: Mapping[str, Any]) -> None:
    leases.release(delivery, next_attempt_at=None, status=Status.DELIVERED, delivered_at=Now(), **{**said, "error": ""})
    failing = WebhookEndpoint.objects.filter(pk=delivery.endpoint_id, failing_since__isnull=False)
    for failures in failing.values_list("failures", flat=True):
        failing.update(failing_since=None, failures=0, retry_at=None)
        if failures >= FAILURES_IN_A_ROW:
            # What was tried while it was away does not wait for hours now.
            leases.wake(WebhookDelivery.objects.filter(endpoint=delivery.endpoint_id, status=Status.QUEUED))


def _wait(delivery: WebhookDelivery, answer: Answer) -> timedelta:
    return max(RETRY.wait(delivery.attempts), _asked(answer))


def _asked(answer: Answer) -> timedelta:
    """How long the endpoint asks to wait, within bounds."""
    return min(timedelta(seconds=max(answer.retry_after or 0.0, 0.0)), LONGEST_RETRY_AFTER)


def _endpoint_failed(endpoint_id: int, answer: Answer) -> None:
    with transaction.atomic():
        rows = WebhookEndpoint.objects.filter(pk=endpoint_id, active=True)
        endpoint = rows.select_for_update(no_key=True).annotate(now=Now()).first()
        if endpoint is None:
            return
        failing_for = endpoint.now - endpoint.failing_since if endpoint.failing_since else timedelta()
        is_busy = answer.status in {TOO_MANY_REQUESTS, UNAVAILABLE}
        is_away = answer.status is None or is_busy or endpoint.failures + 1 >= FAILURES_IN_A_ROW
        wait = max(_endpoint_wait(failing_for), _asked(answer) if is_busy else timedelta())
        rows.update(
            failures=F("failures") + 1,
            failing_since=Coalesce("failing_since", Now()),
            retry_at=Now() + wait if is_away else None,
        )
        if answer.status == GONE:
            endpoints.switch_off_failed(endpoint, _("It answered 410 Gone: it wants no more events."))
        elif failing_for > DEAD_AFTER:
            why = _("No event has reached it for a day. %(error)s") % {"error": answer.error}
            endpoints.switch_off_failed(endpoint, why)


def _endpoint_wait(failing_for: timedelta) -> timedelta:
    wait = min(max(failing_for / 2, FIRST_ENDPOINT_WAIT), LONGEST_ENDPOINT_WAIT)
    return wait * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
