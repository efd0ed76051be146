"""What of deliveries is kept, and for how long."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from ecommerce.models import WebhookDelivery, WebhookEndpoint
from ecommerce.webhooks.endpoints import cancel
from ecommerce.webhooks.triggers import DAYS_KEPT_WHILE_OFF

BATCH = 1000
Status = WebhookDelivery.Status


def remove_old() -> int:
    """Delete deliveries that ended WEBHOOK_DELIVERY_DAYS after they happened, or have no endpoint; return how many."""
    _cancel_of_endpoints_long_off()
    old = Now() - timedelta(days=settings.WEBHOOK_DELIVERY_DAYS)
    ended = WebhookDelivery.objects.filter(created_at__lte=old).exclude(status=Status.QUEUED)
    endpoint = WebhookEndpoint.objects.filter(pk=OuterRef("endpoint"))
    return _delete(ended) + _delete(WebhookDelivery.objects.filter(~Exists(endpoint)))


def _cancel_of_endpoints_long_off() -> None:
    long_off = WebhookEndpoint.objects.filter(
        active=False, switched_off_at__lte=Now() - timedelta(days=DAYS_KEPT_WHILE_OFF)
    )
    waiting = WebhookDelivery.objects.filter(status=Status.QUEUED, endpoint__in=long_off)
    why = _("The endpoint was off for %(days)d days.") % {"days": DAYS_KEPT_WHILE_OFF}
    # In batches: what a week has brought may be more than one statement has time for.
    while keys := list(waiting.values_list("pk", flat=True)[:BATCH]):
        cancel(waiting.filter(pk__in=keys), why)


def _delete(deliveries: QuerySet[WebhookDelivery]) -> int:
    removed = 0
    while keys := list(deliveries.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        removed += WebhookDelivery.objects.filter(pk__in=keys).delete()[0]
    return removed
