"""`/metrics`, in Prometheus' format, for whoever has the token."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from pelcro_orders.monitoring.collector import Installation

UNAUTHORIZED = 401
FORWARDED = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


def metrics_response(request: HttpRequest) -> HttpResponse:
    if not _may_read(request):
        sentence = "Set METRICS_TOKEN, and send it: Authorization: Bearer <token>.\n"
        headers = {"WWW-Authenticate": "Bearer"}
        return HttpResponse(sentence, status=UNAUTHORIZED, content_type="text/plain", headers=headers)
    registry = CollectorRegistry()
    registry.register(Installation())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(registry), content_type=content_type, headers={"Cache-Control": "no-store"})


def _may_read(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        return constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {settings.METRICS_TOKEN}")
    # Without a token only a program of this machine, and none where a proxy may stand in front: all would be from here.
    forwarded = any(name in request.headers for name in FORWARDED)
    return not settings.SECURE and not forwarded and ip_address(request.META["REMOTE_ADDR"] or "0.0.0.0").is_loopback  # noqa: S104
