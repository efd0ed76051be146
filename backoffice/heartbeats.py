"""When each worker, beat and the sweep were seen last, by Redis's clock.

In Redis and not in a table: a worker that can't reach Redis takes no task, and while PostgreSQL refuses connections
none is needed to say that all workers are alive. Lost with Redis's memory, it is whole again within SECONDS.
"""

import json
import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import redis

from backoffice.redis_client import redis_client

logger = logging.getLogger(__name__)

SECONDS = 10.0  # between two heartbeats
ALIVE = 60.0  # seconds since the last one
MISSED = 60 * 60  # for so long one that was killed is asked for
REMEMBERED = 24 * 60 * 60
KEY, CLOCKS = "heartbeats", "heartbeat-clocks"
# A sorted set: what is said of a process, by the time it was seen last. A hash: how far its clock is ahead.
BEAT = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3] - now)
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])) do
    redis.call('ZREM', KEYS[1], gone)
    redis.call('HDEL', KEYS[2], gone)
end
"""


class Kind(StrEnum):
    WORKER = "worker"
    BEAT = "beat"
    SWEEP = "sweep"


@dataclass(frozen=True, slots=True)
class Program:
    """Who is alive: `processes` are those of a worker that do tasks."""

    kind: Kind
    name: str
    host: str = ""
    pid: int = 0
    queues: Sequence[str] = ()
    processes: int = 0
    release: str = ""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    program: Program
    age: float  # seconds
    clock_ahead: float = 0.0  # seconds, of Redis's

    @property
    def is_alive(self) -> bool:
        return self.age <= ALIVE

    @property
    def is_missed(self) -> bool:
        return ALIVE < self.age <= MISSED


SWEEP = Program(Kind.SWEEP, "sweep")


def beat(program: Program) -> None:
    """Note that a program is alive; without Redis it is not noted, and so it seems to be gone."""
    try:
        redis_client().eval(BEAT, 2, KEY, CLOCKS, _written(program), REMEMBERED, time.time())
    except redis.RedisError:
        logger.warning("Redis is gone: nobody sees that this %s is alive.", program.kind)


def forget(program: Program) -> None:
    """Note that a program was ended by intent: it is not missed."""
    try:
        redis_client().zrem(KEY, _written(program))
        redis_client().hdel(CLOCKS, _written(program))
    except redis.RedisError:
        logger.warning("Redis is gone: this %s seems to have been killed.", program.kind)


def heartbeats() -> list[Heartbeat]:
    """Return those of a day, the latest first, without those that a program of the same name has replaced.

    Raise redis.RedisError.
    """
    now, clocks = redis_time(), _clocks()
    found: dict[tuple[str, str], list[Heartbeat]] = {}
    rows: Any = redis_client().zrange(KEY, 0, -1, desc=True, withscores=True)
    for member, at in rows:
        heartbeat = Heartbeat(_read(member), max(0.0, now - at), clocks.get(member, 0.0))
        same = found.setdefault((heartbeat.program.kind, heartbeat.program.name), [])
        if heartbeat.is_alive or not same:
            same.append(heartbeat)
    return sorted((each for same in found.values() for each in same), key=lambda each: each.age)


def redis_time() -> float:
    """Ask Redis for its time, in seconds since 1970. Raise redis.RedisError."""
    seconds, microseconds = redis_client().time()
    return int(seconds) + int(microseconds) / 1_000_000


def _clocks() -> dict[bytes, float]:
    rows: Any = redis_client().hgetall(CLOCKS)
    return {member: float(ahead) for member, ahead in rows.items()}


def _written(program: Program) -> str:
    return json.dumps(asdict(program), sort_keys=True)


def _read(member: bytes) -> Program:
    fields = json.loads(member)
    return Program(**fields | {"kind": Kind(fields["kind"]), "queues": tuple(fields["queues"])})
