"""What a server, worker or beat does first."""

import gc
import os
import sys

from django.core.checks import ERROR, run_checks

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
    found = [message for message in run_checks() if not message.is_silenced()]
    errors = [message for message in found if message.level >= ERROR]
    if errors:
        _say("Pelcro Orders does not start:")
    for message in found:
        _say(f"{message}\n")
    if errors:
        sys.exit(1)


def _say(text: str) -> None:
    # Celery puts a logger in place of sys.stderr before its handlers are ready, which would lose this.
    if sys.__stderr__ is not None:
        sys.__stderr__.write(f"{text}\n")
        sys.__stderr__.flush()
