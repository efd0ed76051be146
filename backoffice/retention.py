"""Removing what is old: rules, each with a period by a setting, worked off in short transactions.

A slice of rows is locked, removed and committed before the next one is read: nobody waits for long, autovacuum follows
behind, and a process that is killed loses one slice. Rows that somebody else holds are left for the next night.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import BooleanField, ExpressionWrapper, F, Model, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext, ngettext

from backoffice import shutdown
from backoffice.models import RetentionRun

logger = logging.getLogger(__name__)

SLICE = 1000  # rows of one transaction: 10 to 40 ms
Remove = Callable[[QuerySet[Any]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is removed once it is older than `setting` says; 0 keeps it.

    `models` are those whose rows are deleted. `count` and `steps` take the age; each step of `steps` is a transaction
    of its own, and yields how many it removed. `when` says the age in words where it is not so many days.
    """

    kind: str
    what: Any
    setting: str
    models: tuple[str, ...]
    count: Callable[[timedelta], int]
    steps: Callable[[timedelta], Iterator[int]]
    unit: timedelta = timedelta(days=1)
    when: Any = ""

    @property
    def age(self) -> timedelta | None:
        """How old it gets; None where it is kept."""
        number: int = getattr(settings, self.setting)
        return number * self.unit if number else None

    @property
    def period(self) -> str:
        """When it is removed, in words."""
        if self.age is None:
            return gettext("never")
        days = self.age.days
        return str(self.when) or ngettext("after %(days)d day", "after %(days)d days", days) % {"days": days}

    def expected(self) -> int:
        """How many would be removed now."""
        return 0 if self.age is None else self.count(self.age)


def delete(rows: QuerySet[Any]) -> int:
    return int(rows.delete()[0])


def of_rows(find: Callable[[timedelta], QuerySet[Any]], remove: Remove = delete) -> dict[str, Any]:
    """Return what a rule about rows that stand for themselves needs."""
    return {"count": lambda age: find(age).count(), "steps": lambda age: slices(find(age), remove)}


def slices(rows: QuerySet[Any], remove: Remove = delete) -> Iterator[int]:
    """Remove rows by primary key, a slice in each transaction."""
    after: Any = None
    while True:
        with transaction.atomic():
            # From where the last slice ended: an index is slow at its beginning while the entries there are dead.
            page = rows if after is None else rows.filter(pk__gt=after)
            locked = page.order_by("pk").select_for_update(skip_locked=True, of=("self",))
            keys = list(locked.values_list("pk", flat=True)[:SLICE])
            removed = remove(rows.model._default_manager.filter(pk__in=keys)) if keys else 0  # noqa: SLF001 - Django's public name for it
        if not keys:
            return
        after = keys[-1]
        yield removed


def with_children(
    parents: QuerySet[Any],
    children: Callable[[Any], QuerySet[Any]],
    *,
    remove_children: Remove = delete,
    remove: Remove = delete,
    size: int = SLICE,
) -> Iterator[int]:
    """Remove rows with many others that belong to them: those first, in slices by `number`.

    Each transaction locks the parent, if it still is one of `parents`: nobody begins anything with what is half gone.
    What is counted are the parents.
    """
    for key in list(parents.order_by("pk").values_list("pk", flat=True)):
        after: int | None = -1
        while after is not None:
            with transaction.atomic():
                locked = parents.filter(pk=key).select_for_update(skip_locked=True, of=("self",))
                if not list(locked.values_list("pk", flat=True)):
                    break
                page = children(key).filter(number__gt=after).order_by("number")
                rows = dict(page.values_list("number", "pk")[:size])
                after = max(rows, default=None)
                if rows:
                    remove_children(children(key).filter(pk__in=rows.values()))
                else:
                    remove(parents.model._default_manager.filter(pk=key))  # noqa: SLF001 - as above
            yield int(after is None)


def last_older(model: type[Model], column: str, age: timedelta) -> int:
    """Return about the last primary key of the rows that are so old: some 25 look-ups in its index, and no other one.

    For tables whose rows are written in the order of their time. Those that were not are found once all before them
    are old: `column` is to be compared as well.
    """
    is_old = ExpressionWrapper(Q(**{f"{column}__lte": Now() - age}), output_field=BooleanField())
    rows = model._default_manager.annotate(is_old=is_old).values_list("pk", "is_old")  # noqa: SLF001 - as above
    ends = rows.order_by("pk").first(), rows.order_by("-pk").first()
    if ends[0] is None or ends[1] is None:
        return 0
    low, high = ends[0][0] - 1, ends[1][0]
    while low < high:
        middle = (low + high + 1) // 2
        found = rows.filter(pk__gte=middle).order_by("pk").first()
        low, high = (found[0], high) if found and found[1] else (low, middle - 1)
    return int(low)


def older(model: type[Model], column: str, age: timedelta) -> QuerySet[Any]:
    """Rows that are so old, found by their primary key."""
    found = {"pk__lte": last_older(model, column, age), f"{column}__lte": Now() - age}
    rows: QuerySet[Any] = model._default_manager.filter(**found)  # noqa: SLF001 - as above
    return rows


def remove_old(rules: Iterable[Rule], *, until: float) -> list[str]:
    """Remove what the rules say, until a moment of the monotonic clock; return the kinds of which more is left."""
    return [rule.kind for rule in rules if shutdown.time_is_up(until) or not _is_done(rule, until)]


def _is_done(rule: Rule, until: float) -> bool:
    if rule.age is None:
        RetentionRun.objects.filter(kind=rule.kind).delete()
        return True
    began, removed, error, done = time.monotonic(), 0, "", True
    _begin(rule.kind)
    try:
        for count in rule.steps(rule.age):
            removed += count
            if shutdown.time_is_up(until):
                done = False
                break
    except Exception as caught:
        logger.exception("Removing what is old of %s failed; the next night tries it again.", rule.kind)
        error = type(caught).__name__  # no more: the message may hold what the row said of a person
        connection.close()  # it may be what failed
    _note(rule.kind, removed=removed, seconds=time.monotonic() - began, done=done, error=error)
    return done


def _begin(kind: str) -> None:
    """Begin a run, or go on with one that is not finished."""
    new = {"started_at": Now(), "finished_at": None, "removed": 0, "milliseconds": 0, "error": ""}
    run, created = RetentionRun.objects.get_or_create(kind=kind)
    if not created:
        RetentionRun.objects.filter(pk=run.pk, finished_at__isnull=False).update(**new)


def _note(kind: str, *, removed: int, seconds: float, done: bool, error: str) -> None:
    RetentionRun.objects.filter(kind=kind).update(
        removed=F("removed") + removed,
        milliseconds=F("milliseconds") + round(seconds * 1000),
        error=error,
        **({"finished_at": Now()} if done else {}),
    )


def named(rules: Sequence[Rule], kinds: Sequence[str]) -> list[Rule]:
    """Return the rules of these kinds; those that a newer or older release knows are left out."""
    return [rule for rule in rules if rule.kind in kinds]
