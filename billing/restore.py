"""Whether this database was restored from before: then Stripe may know charges and numbers that it does not.

A dump is noticed by what PostgreSQL itself says of one row of ours, which no dump carries; a disk or a stand-by by the
server's start: then Stripe is asked, and what was never sent is looked up first until it was.
`manage.py after_restore` ends it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce, Now

from billing.models import Counter, Payment, Refund, RestoreGuard, TaxTransaction

# The table's and the database's oid, and the transaction that wrote the row.
IDENTITY = "concat_ws('/', d.oid, 'billing_restoreguard'::regclass::oid, m.xmin)"
SOURCE = f"""
    FROM billing_restoreguard m, pg_database d
    WHERE m.id = {RestoreGuard.MARKER} AND d.datname = current_database()
"""
READ = f"""
    SELECT s.blocked_at IS NOT NULL OR s.identity <> (SELECT {IDENTITY} {SOURCE}),
           s.server_started = pg_postmaster_start_time()::text, s.restored_at
    FROM billing_restoreguard s WHERE s.id = {RestoreGuard.STATE}
"""  # noqa: S608 - constants
INSERT_MARKER = f"""
    INSERT INTO billing_restoreguard (id, identity, server_started, reason)
    VALUES ({RestoreGuard.MARKER}, '', '', '') ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants
INSERT_STATE = f"""
    INSERT INTO billing_restoreguard (id, identity, server_started, reason)
    SELECT {RestoreGuard.STATE}, {IDENTITY}, CASE WHEN %s THEN '' ELSE pg_postmaster_start_time()::text END, ''
    {SOURCE} ON CONFLICT DO NOTHING
"""
# More than any table gets in a day; the ids are bigint.
SKIP_IDS = r"""
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, coalesce(last_value, start_value) + 1000000)
    FROM pg_sequences WHERE schemaname = current_schema() AND data_type = 'bigint'::regtype
    AND sequencename LIKE '%\_id\_seq'
"""


@dataclass(frozen=True, slots=True)
class RestoreState:
    """`blocked`: nobody may be charged. `looked`: Stripe was asked since the database server started."""

    blocked: bool
    looked: bool
    restored_at: datetime | None


def state() -> RestoreState:
    """Read the state in one statement; a database that has none yet is taken as it is."""
    found = _read()
    if found is None:
        _write_identity()
        found = _read()
    blocked, looked, restored_at = found or (True, False, None)
    return RestoreState(bool(blocked), bool(looked), restored_at)


def is_blocked() -> bool:
    """Whether the database was restored and `after_restore` has not run since."""
    return state().blocked


def looked() -> None:
    """Remember that Stripe, asked since the server's start, knows of nothing that is not here."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE billing_restoreguard SET server_started = pg_postmaster_start_time()::text WHERE id = %s",
            [RestoreGuard.STATE],
        )


def block(*, reason: str) -> None:
    """Refuse to place and to pay, until `clear`."""
    state()
    RestoreGuard.objects.filter(pk=RestoreGuard.STATE).update(blocked_at=Coalesce("blocked_at", Now()), reason=reason)


def clear() -> None:
    """Take the database as it is now: everything at Stripe was compared with it."""
    with transaction.atomic():
        RestoreGuard.objects.all().delete()
        _write_identity()
        # Payments of orders from before are looked up by their order's number once more.
        RestoreGuard.objects.filter(pk=RestoreGuard.STATE).update(restored_at=Now(), server_started="")
    looked()


def doubt_open_operations() -> None:
    """Have each open operation looked up before it is posted, as it may have been sent after the backup was made."""
    for model in (Payment, Refund, TaxTransaction):
        doubt(model._default_manager.all())  # noqa: SLF001 - Django's public name for it


def doubt(operations: QuerySet[Any]) -> None:
    """Have those looked up that were never sent, as far as these rows know."""
    unsent = operations.filter(closed_at=None, attempts=0)
    unsent.update(attempts=1, first_sent_at=Coalesce("first_sent_at", "requested_at"))


def move_counter(name: str, *, past: int) -> None:
    """Issue no number of this kind up to `past` any more."""
    Counter.objects.get_or_create(name=name)
    Counter.objects.filter(Q(name=name), value__lt=past).update(value=past)


def skip_numbers(name: str, count: int) -> None:
    """Leave out the next `count` numbers, which may have been issued after the backup was made."""
    Counter.objects.get_or_create(name=name)
    Counter.objects.filter(name=name).update(value=F("value") + count)


def skip_ids() -> None:
    """Leave out so many ids of every table: other systems may know those of rows that are lost."""
    with connection.cursor() as cursor:
        cursor.execute(SKIP_IDS)


def _read() -> tuple[bool | None, bool, datetime | None] | None:
    with connection.cursor() as cursor:
        cursor.execute(READ)
        row: tuple[bool | None, bool, datetime | None] | None = cursor.fetchone()
    # No marker beside the state: it was taken away, and with it what could tell.
    return row and (row[0] is not False, *row[1:])


def _write_identity() -> None:
    # Where payments came from elsewhere, Stripe is asked before the next one.
    used = Payment.objects.exists()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(INSERT_MARKER)
        cursor.execute(INSERT_STATE, [used])
