"""What a server, worker or beat does first."""

import gc
import os
import sys

import psycopg
from django.conf import settings
from django.core.checks import ERROR, run_checks

from pelcro_orders import session_checks
from pelcro_orders.database_settings import NO_POOLER

PRIVATE = 0o077


def prepare() -> None:
    """Keep what is written from other users of the machine; run the system checks, as manage.py does by itself."""
    os.umask(PRIVATE)
    refuse_bad_configuration()
    collect_garbage_seldom()


def collect_garbage_seldom() -> None:
    """Keep all that is loaded by now out of each garbage collection, and its memory shared with forked children."""
    gc.collect()
    gc.freeze()


def refuse_bad_configuration() -> None:
    """Say what is doubtful; end the process in words where something is wrong."""
    # Not the database's checks of Django, which would open a connection that web's processes then share.
    every = [*run_checks(), *session_checks.session_limits(databases=["default"])]
    found = [message for message in every if not message.is_silenced()]
    errors = [message for message in found if message.level >= ERROR]
    if errors:
        _say("Pelcro Orders does not start:")
    for message in found:
        _say(f"{message}\n")
    if errors:
        sys.exit(1)


def refuse_too_many_connections(*, needed: int, formula: str) -> None:
    """End the process where it alone needs more connections than there are; what all need is docs/operating.md's."""
    if settings.DATABASE_POOLER != NO_POOLER:
        return  # the pooler's `max_client_conn` counts, which it tells nobody but its administrator
    try:
        room = session_checks.new_session().room
    except psycopg.Error:
        return  # the checks have said so
    sentence, too_many = session_checks.budget(needed=needed, formula=formula, room=room)
    if sentence:
        _say(f"Pelcro Orders does not start: {sentence}" if too_many else sentence)
    if too_many:
        sys.exit(1)


def _say(text: str) -> None:
    # Celery puts a logger in place of sys.stderr before its handlers are ready, which would lose this.
    if sys.__stderr__ is not None:
        sys.__stderr__.write(f"{text}\n")
        sys.__stderr__.flush()
