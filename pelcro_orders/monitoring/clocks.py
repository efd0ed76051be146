"""By how many seconds the clocks of this installation are ahead of Redis's, which all of them reach."""

import time

from backoffice import database_clock
from backoffice.heartbeats import Kind, heartbeats, redis_time

LIMIT = 30  # seconds: for so long a code of an authenticator app is good


def clocks() -> list[tuple[str, float]]:
    """Return PostgreSQL's, that of the web process that asks, and those of workers and beats that are alive.

    Raise redis.RedisError.
    """
    programs = [
        (each.program.name, each.clock_ahead)
        for each in heartbeats()
        if each.is_alive and each.program.kind != Kind.SWEEP
    ]
    database, web = database_clock.now().timestamp() - redis_time(), time.time() - redis_time()
    return [("PostgreSQL", database), ("web", web), *programs]
