"""How endpoints of webhooks fare: what was delivered last, what waits, and which need somebody."""

from typing import Any

from django.db.models import Min, OuterRef, QuerySet, Subquery

from backoffice.list_tabs import bounded_counts, format_count
from ecommerce.models import WebhookDelivery, WebhookEndpoint

Status = WebhookDelivery.Status


def troubled() -> QuerySet[WebhookEndpoint]:
    """Endpoints that are off, or that nothing has reached since an attempt failed."""
    return WebhookEndpoint.objects.exclude(active=True, failing_since=None)


def with_health(endpoints: QuerySet[WebhookEndpoint]) -> QuerySet[Any]:
    """Annotate when something was delivered last, and since when the oldest that waits does."""
    theirs = WebhookDelivery.objects.filter(endpoint=OuterRef("pk")).order_by()
    delivered = theirs.filter(status=Status.DELIVERED).order_by("-delivered_at").values("delivered_at")[:1]
    waiting = theirs.filter(status=Status.QUEUED).values("endpoint").annotate(first=Min("created_at")).values("first")
    return endpoints.annotate(last_success=Subquery(delivered), waiting_since=Subquery(waiting))


def waiting_count(endpoint: WebhookEndpoint) -> str:
    """How many events wait for an endpoint, up to a bound."""
    (count,) = bounded_counts([endpoint.deliveries.filter(status=Status.QUEUED)])
    return format_count(count)
