"""The page System, for superusers: what runs, what waits, what is wrong and what to do."""

from collections.abc import Callable
from typing import TypeVar

import redis
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.heartbeats import Kind, heartbeats
from billing.models import Payment, Refund
from ecommerce.models import BulkJob
from ecommerce.retention.table import overview
from pelcro_orders.monitoring import broker, clocks, database, disk, readiness, versions
from pelcro_orders.monitoring.problems import Findings, problems
from pelcro_orders.monitoring.waiting import waiting

ReadT = TypeVar("ReadT")
NAMES = {
    "release": gettext_lazy("Release"),
    "python": "Python",
    "django": "Django",
    "postgresql": "PostgreSQL",
    "redis": "Redis",
    "valkey": "Valkey",
}


def system_view(request: HttpRequest) -> HttpResponse:
    if not (request.user.is_active and request.user.is_superuser):
        raise PermissionDenied
    findings = find()
    seen = findings.heartbeats
    request.current_app = admin.site.name
    context = {
        **admin.site.each_context(request),
        "title": _("System"),
        "findings": findings,
        "problems": problems(findings),
        "programs": [each for each in seen if each.program.kind != Kind.SWEEP],
        "sweep": next((each for each in seen if each.program.kind == Kind.SWEEP), None),
        "unsettled": [(_title(kind, status), seconds) for kind, status, seconds in findings.unsettled],
        "jobs": [
            (value, label, findings.jobs[value]) for value, label in BulkJob.Status.choices if value in findings.jobs
        ],
        "versions": [(NAMES[name], version) for name, version in versions.versions().items()],
        "migrations": len(readiness.known_migrations()),
        "disk": disk.usage(),
    }
    return TemplateResponse(request, "admin/system.html", context)


def _title(kind: str, status: str) -> str:
    if kind == "charge":
        return _("Oldest charge: %(status)s") % {"status": Payment.Status(status).label}
    return _("Oldest refund: %(status)s") % {"status": Refund.Status(status).label}


def find() -> Findings:
    """Read everything that may be wrong; what Redis knows is empty while it is away, which is a finding of its own."""
    return Findings(
        checks=readiness.readiness(),
        heartbeats=_of_redis(heartbeats),
        clocks=_of_redis(clocks.clocks),
        queues=_of_redis(broker.message_queues),
        waiting=waiting(),
        unsettled=database.unsettled(),
        jobs=database.jobs(),
        event_lag=database.event_lag(),
        mails=database.mails(),
        endpoints=database.endpoints(),
        attention=database.needs_attention(),
        differences=sum(database.differences().values()),
        reconciled=database.reconciled(),
        removed=database.retention(),
        connections=sum(database.connections().values()),
        server=database.server(),
        retention=overview(),
    )


def _of_redis(read: Callable[[], list[ReadT]]) -> list[ReadT]:
    try:
        return read()
    except redis.RedisError:
        return []
