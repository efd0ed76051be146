"""Heartbeats of programs that don't run, and time that passes since those of programs that do."""

from typing import Any

from backoffice import heartbeats
from backoffice.heartbeats import Kind, Program
from backoffice.redis_client import redis_client

WORKER = Program(Kind.WORKER, "worker@one", "one", 11, ("celery", "clock", "events", "mail"), 2, "0.1.0")
BEAT = Program(Kind.BEAT, "beat@one", "one", 12, release="0.1.0")


def all_alive() -> None:
    for program in (WORKER, BEAT, heartbeats.SWEEP):
        heartbeats.beat(program)


def let_pass(seconds: float) -> None:
    """Have all that was seen so far be so much older."""
    members: Any = redis_client().zrange(heartbeats.KEY, 0, -1)
    for member in members:
        redis_client().zincrby(heartbeats.KEY, -seconds, member)
