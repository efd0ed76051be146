"""Acts on endpoints: secrets, on and off, and events sent again."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.activity.record import record, record_all
from backoffice.models import Activity
from customers.actors import ActorKind
from customers.mail import outbox
from customers.models import Mail, User
from ecommerce.models import WebhookDelivery, WebhookEndpoint
from ecommerce.models.id_arrays import Among
from ecommerce.models.webhook import new_secret
from ecommerce.webhooks.events import TEST

Status = WebhookDelivery.Status
AGAIN: dict[str, Any] = {
    "status": Status.QUEUED,
    "next_attempt_at": Now(),
    "queued_at": Now(),
    "delivered_at": None,
    "error": "",
}
SUBJECT = gettext_lazy("The webhook endpoint %(endpoint)s was switched off")
TEXT = gettext_lazy("""%(reason)s

%(url)s gets no events any more. What happens within the next seven days is kept: once it works, switch it on again at
%(page)s
and choose whether it gets what it missed.
""")


def rotate_secret(*, endpoint_id: int, keep: timedelta) -> str:
    """Make a new secret and return it; the present one stays valid for a while beside it."""
    secret = new_secret()
    WebhookEndpoint.objects.filter(pk=endpoint_id).update(
        previous_secret=F("secret"), previous_secret_until=Now() + keep, secret=secret
    )
    return secret


def end_previous_secret(*, endpoint_id: int) -> None:
    """Sign with the present secret alone from now on."""
    WebhookEndpoint.objects.filter(pk=endpoint_id).update(previous_secret="", previous_secret_until=None)


def switch_off(*, endpoint_id: int, reason: str) -> None:
    """Send nothing more to an endpoint until it is switched on again."""
    active = WebhookEndpoint.objects.filter(pk=endpoint_id, active=True)
    active.update(active=False, switched_off_at=Now(), switched_off_reason=reason)


def switch_on(*, endpoint_id: int, replay: bool) -> int:
    """Send to an endpoint again; return how many deliveries waited, which are sent with `replay`, else canceled."""
    with transaction.atomic():
        on = {"active": True, "switched_off_at": None, "switched_off_reason": ""}
        healthy = {"failing_since": None, "failures": 0, "retry_at": None}
        if not WebhookEndpoint.objects.filter(pk=endpoint_id, active=False).update(**on, **healthy):
            return 0
        waiting = WebhookDelivery.objects.filter(endpoint=endpoint_id, status=Status.QUEUED)
        if replay:
            return waiting.update(**AGAIN)
        return cancel(waiting, _("Not sent when the endpoint was switched on again."))


def cancel(waiting: QuerySet[WebhookDelivery], reason: str) -> int:
    """Cancel deliveries that wait; return how many."""
    return waiting.update(status=Status.CANCELED, next_attempt_at=None, error=reason)


def send_test(*, endpoint_id: int) -> WebhookDelivery:
    """Queue an event that tells of nothing but the endpoint itself."""
    event_id = f"evt_{uuid4().hex}"
    return WebhookDelivery.objects.create(
        endpoint_id=endpoint_id,
        event_id=event_id,
        type=TEST,
        object_type="webhook_endpoint",
        object_id=endpoint_id,
        stream=event_id,
        sequence=0,
        triggered_from=ActorKind.STAFF,
    )


def try_now(*, endpoint_id: int) -> None:
    """Call an endpoint that is failing at once, not when its next attempt would be: somebody says that it works."""
    WebhookEndpoint.objects.filter(pk=endpoint_id, retry_at__gt=Now()).update(retry_at=Now())


def send_again(*, delivery_ids: Sequence[int]) -> int:
    """Queue deliveries that are not queued once more, with the same id and content; return how many."""
    with transaction.atomic():
        ended = WebhookDelivery.objects.filter(pk__in=delivery_ids).exclude(status=Status.QUEUED).order_by("pk")
        found = list(ended.only("type", "event_id").select_for_update(no_key=True))
        record_all(act=Activity.Act.SENT_AGAIN, kind=Activity.Kind.WEBHOOK, objects=found)
        return WebhookDelivery.objects.filter(Among(each.pk for each in found)).update(**AGAIN)


def send_all_since(*, endpoint_id: int, since: datetime) -> int:
    """Queue all that happened since then for an endpoint once more; return how many."""
    with transaction.atomic():
        happened = WebhookDelivery.objects.filter(endpoint=endpoint_id, created_at__gte=since)
        count = happened.exclude(status=Status.QUEUED).update(**AGAIN)
        note = _("%(count)d events since %(since)s") % {"count": count, "since": since.isoformat()}
        endpoint = WebhookEndpoint.objects.get(pk=endpoint_id)
        record(act=Activity.Act.SENT_AGAIN, kind=Activity.Kind.WEBHOOK, obj=endpoint, note=note)
    return count


def switch_off_failed(endpoint: WebhookEndpoint, reason: str) -> None:
    """Switch an endpoint off that does not work, and tell its owner, or all superusers where nobody is named."""
    switch_off(endpoint_id=endpoint.pk, reason=reason)
    superusers = User.objects.filter(is_superuser=True, is_active=True).exclude(email="")
    to = [endpoint.owner_address] if endpoint.owner_address else [each.email for each in superusers]
    page = f"{settings.BASE_URL}/admin/ecommerce/webhookendpoint/{endpoint.pk}/change/"
    text = TEXT % {"reason": reason, "url": endpoint.url, "page": page}
    message = EmailMessage(SUBJECT % {"endpoint": endpoint}, text, settings.DEFAULT_FROM_EMAIL, to)
    outbox.write(message, kind=Mail.Kind.OTHER, about=endpoint)
