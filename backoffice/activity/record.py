"""Recording acts that are no change of a tracked row: imports, exports, jobs, sign-ins. One statement each."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, models

from backoffice.activity.origin import Origin, current_origin
from backoffice.models import Activity

ERASED = "erased"
ERASE = "SELECT activity_erase(%s::text[], %s::bigint[], %s::text[])"


def record(
    *,
    act: str,
    kind: str,
    obj: models.Model | None = None,
    label: str = "",
    changes: Mapping[str, tuple[Any, Any]] | None = None,
    note: str = "",
    by: Origin | None = None,
) -> None:
    """Record an act in the caller's transaction. `changes` maps a name to its old and new value: never a secret."""
    origin = by or current_origin()
    if origin is not None:
        Activity.objects.create(
            **origin.columns,
            act=act,
            kind=kind,
            object_type=obj._meta.label_lower if obj else "",  # noqa: SLF001 - Django's public Meta API
            object_id=obj.pk if obj else None,
            object_label=(label or (str(obj) if obj else ""))[:200],
            changes={name: list(values) for name, values in (changes or {}).items()},
            note=note,
        )


def record_all(*, act: str, kind: str, objects: Sequence[models.Model]) -> None:
    """Record the same act on each of these by one statement."""
    origin = current_origin()
    if origin is not None:
        Activity.objects.bulk_create(
            Activity(
                **origin.columns,
                act=act,
                kind=kind,
                object_type=each._meta.label_lower,  # noqa: SLF001 - Django's public Meta API
                object_id=each.pk,
                object_label=str(each)[:200],
            )
            for each in objects
        )


def erase(*, objects: list[models.Model], user_ids: list[int], words: list[str]) -> int:
    """Erase a person from the log, which keeps that something was done; return the number of rows rewritten.

    Blanked are the values of what was done to `objects`, the names of what `user_ids` did, and every row that holds
    one of `words` (e-mails, telephone numbers, names), whatever its case. It reads the whole table.
    """
    named = [f"{each._meta.label_lower}:{each.pk}" for each in objects]  # noqa: SLF001 - Django's public Meta API
    with connection.cursor() as cursor:
        cursor.execute(ERASE, [named, user_ids, [word for word in words if word.strip()]])
        (count,) = cursor.fetchone() or (0,)
    return int(count)
