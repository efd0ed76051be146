"""`/readyz`: whether everything that an order needs is there, a line for each, with what to do where it is not."""

import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import redis
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from backoffice.heartbeats import ALIVE, Heartbeat, Kind, heartbeats
from billing.reachability import Reachability, reachability
from pelcro_orders.monitoring.probes import applied_migrations, redis_answers

READY, NOT_READY = 200, 503
TITLES = {
    "postgresql": "PostgreSQL",
    "migrated": _lazy("Migrated"),
    "redis": "Redis",
    Kind.WORKER: _lazy("A worker"),
    Kind.BEAT: "Beat",
    Kind.SWEEP: _lazy("The sweep"),
    "stripe": "Stripe",
}
SWEPT_WITHIN = 120.0  # seconds; the sweep comes every 15 s, and may wait for tasks of 20 s


@dataclass(frozen=True, slots=True)
class Check:
    """`found` and `advice` are for people; a check that is well has no advice."""

    name: str
    is_well: bool
    found: str
    advice: str = ""
    is_known: bool = True

    @property
    def title(self) -> str:
        return str(TITLES[self.name])

    def line(self) -> str:
        body = {"ok": self.is_well, "is": str(self.found)} | ({"do": str(self.advice)} if self.advice else {})
        return f'"{self.name}": {json.dumps(body)}'


def ready_response(_request: HttpRequest) -> HttpResponse:
    """Return JSON with a line for each check, which is read by people as well."""
    checks = readiness()
    ready = all(check.is_well for check in checks)
    lines = [f'"ready": {json.dumps(ready)}', *(check.line() for check in checks)]
    body, status = "{\n" + ",\n".join(lines) + "\n}\n", READY if ready else NOT_READY
    return HttpResponse(body, status=status, content_type="application/json", headers={"Cache-Control": "no-store"})


def readiness(stripe: Callable[[], Reachability | None] = reachability) -> list[Check]:
    return [*_database(), *_redis_and_programs(stripe)]


def _database() -> Iterable[Check]:
    applied = applied_migrations()
    if applied is None:
        advice = _("Start it, or look at DATABASE_URL and at its log: it may have no connection left.")
        yield Check("postgresql", is_well=False, found=_("does not answer."), advice=advice)
        unknown = _("is not known while PostgreSQL does not answer.")
        yield Check("migrated", is_well=False, found=unknown, is_known=False)
        return
    yield Check("postgresql", is_well=True, found=_("answers."))
    yield _migrated(applied)


def _migrated(applied: set[tuple[str, str]]) -> Check:
    missing = sorted(known_migrations() - applied)
    if missing:
        found = _("no: %(count)s migrations are missing, the first is %(first)s.") % {
            "count": len(missing),
            "first": ".".join(missing[0]),
        }
        return Check("migrated", is_well=False, found=found, advice=_("Run `python manage.py migrate`."))
    apps = {app for app, _name in known_migrations()}
    newer = sorted(each for each in applied - known_migrations() if each[0] in apps)
    if newer:
        found = _("yes, by a newer release, to %(last)s.") % {"last": ".".join(newer[-1])}
        return Check("migrated", is_well=True, found=found)
    return Check("migrated", is_well=True, found=_("yes."))


@functools.cache
def known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations)


def _redis_and_programs(stripe: Callable[[], Reachability | None]) -> Iterable[Check]:
    seen = _seen()
    if seen is None:
        advice = _("Start it, or look at REDIS_URL: until then pages work, and what they enqueue waits.")
        yield Check("redis", is_well=False, found=_("does not answer."), advice=advice)
        unknown = _("is not known while Redis does not answer.")
        yield from (Check(name, is_well=False, found=unknown, is_known=False) for name in (*Kind, "stripe"))
        return
    yield Check("redis", is_well=True, found=_("answers."))
    yield from programs(seen)
    yield _stripe(stripe())


def _seen() -> list[Heartbeat] | None:
    """Return None where Redis does not answer."""
    try:
        return heartbeats() if redis_answers() else None
    except redis.RedisError:
        return None


def programs(seen: list[Heartbeat]) -> list[Check]:
    """Check by heartbeats that a worker, beat and the sweep are at work."""
    return [
        _program(seen, Kind.WORKER, ALIVE, _("Start one: `celery -A pelcro_orders worker`.")),
        _program(seen, Kind.BEAT, ALIVE, _("Start it: `celery -A pelcro_orders beat`.")),
        _program(
            seen,
            Kind.SWEEP,
            SWEPT_WITHIN,
            _("It runs every 15 s where beat and a worker do: look at the worker's log for a step that fails."),
        ),
    ]


def _program(seen: list[Heartbeat], kind: Kind, within: float, advice: str) -> Check:
    ages = [heartbeat.age for heartbeat in seen if heartbeat.program.kind == kind]
    if not ages:
        return Check(kind, is_well=False, found=_("was not seen for a day."), advice=advice)
    age = min(ages)
    if age > within:
        found = _("was seen last %(seconds)s s ago.") % {"seconds": round(age)}
        return Check(kind, is_well=False, found=found, advice=advice)
    return Check(kind, is_well=True, found=_("was seen %(seconds)s s ago.") % {"seconds": round(age)})


def _stripe(known: Reachability | None) -> Check:
    if known is None:
        advice = _("Ask again in a few seconds.")
        return Check("stripe", is_well=False, found=_("is being asked."), advice=advice, is_known=False)
    return Check("stripe", is_well=known.answers, found=f"{known.found.rstrip('.')}.", advice=known.advice)
