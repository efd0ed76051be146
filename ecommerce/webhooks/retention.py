"""What of deliveries is kept, and for how long."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice.retention import older, slices
from ecommerce.models import WebhookDelivery, WebhookEndpoint
from ecommerce.webhooks.endpoints import cancel
from ecommerce.webhooks.triggers import DAYS_KEPT_WHILE_OFF

BATCH = 1000
Status = WebhookDelivery.Status


def count_old(age: timedelta) -> int:
    """Count what `remove_old` would remove."""
    return _ended(age).count() + _without_endpoint().count()


def remove_old(age: timedelta) -> Iterator[int]:
    """Remove deliveries that ended and happened so long ago, or have no endpoint; yield how many of each slice."""
    _cancel_of_endpoints_long_off()
    yield from slices(_ended(age))
    yield from slices(_without_endpoint())


def _ended(age: timedelta) -> QuerySet[WebhookDelivery]:
    return older(WebhookDelivery, "created_at", age).exclude(status=Status.QUEUED)


def _without_endpoint() -> QuerySet[WebhookDelivery]:
    """Deliveries of acts that had not ended when their endpoint was deleted."""
    named = WebhookDelivery.objects.order_by("endpoint").values_list("endpoint", flat=True)
    found, after = set[int](), 0
    # From one endpoint to the next over the index: to read all deliveries takes a second a million.
    while (after := named.filter(endpoint__gt=after).first() or 0) > 0:
        found.add(after)
    gone = found - set(WebhookEndpoint.objects.values_list("pk", flat=True))
    return WebhookDelivery.objects.filter(endpoint__in=gone)


def _cancel_of_endpoints_long_off() -> None:
    long_off = WebhookEndpoint.objects.filter(
        active=False, switched_off_at__lte=Now() - timedelta(days=DAYS_KEPT_WHILE_OFF)
    )
    waiting = WebhookDelivery.objects.filter(status=Status.QUEUED, endpoint__in=long_off)
    why = _("The endpoint was off for %(days)d days.") % {"days": DAYS_KEPT_WHILE_OFF}
    # In batches: what a week has brought may be more than one statement has time for.
    while keys := list(waiting.values_list("pk", flat=True)[:BATCH]):
        cancel(waiting.filter(pk__in=keys), why)
