"""Crashes: an act in a process of its own that dies, by kill -9, right before or after its n-th step.

A step is a statement to PostgreSQL, a COMMIT, or a request to Stripe: what survives of an act is decided there alone.
"""

import gc
import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests
from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from backoffice.redis_client import redis_client
from billing import gateway, rate_limit
from billing.models import Payment, Refund
from ecommerce.tasks import sweep
from tests.support.books import open_acts

FINISHED, BROKEN = 0, 70


@dataclass
class Fuse:
    """Kills this process once so many steps were taken."""

    left: int

    def step(self) -> None:
        """Take one step, the last one perhaps."""
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1

    def statement(self, execute: Callable[..., Any], *call: Any) -> Any:
        """Count a statement, before it and after it."""
        self.step()
        result = execute(*call)
        self.step()
        return result


def crashes(act: Callable[[], Any], *, stride: int, first: int = 0) -> Iterator[int]:
    """Run the act again and again, killed some steps later each time, until it comes through; give each step's number.

    What the act needs must be there anew each time: yield hands over to the test, which clears up.
    """
    number = first
    while _run(act, Fuse(number)) == -signal.SIGKILL:
        yield number
        number += stride


def _run(act: Callable[[], Any], fuse: Fuse) -> int:
    connections.close_all()
    for cached in (gateway.client, redis_client, rate_limit._book):
        cached.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads, which do not matter here
        child = os.fork()
    if child == 0:
        _die_or_finish(act, fuse)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {FINISHED, -signal.SIGKILL}, f"the act ended with status {status}"
    return status


def _die_or_finish(act: Callable[[], Any], fuse: Fuse) -> None:
    gc.disable()  # a collection would write to, and so copy, every page of memory that is shared with pytest
    commit, send = BaseDatabaseWrapper.commit, requests.Session.send

    def counted_commit(self: BaseDatabaseWrapper) -> Any:
        return fuse.statement(commit, self)

    def counted_send(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        fuse.step()
        answer = send(self, request, **options)
        fuse.step()
        return answer

    BaseDatabaseWrapper.commit = counted_commit  # type: ignore[method-assign]
    requests.Session.send = counted_send  # type: ignore[method-assign]
    try:
        with connection.execute_wrapper(fuse.statement):
            act()
    except BaseException:  # noqa: BLE001 - the child must not run on into pytest, whatever happened
        traceback.print_exc()
        os._exit(BROKEN)
    os._exit(FINISHED)


def recover() -> None:
    """Do what the sweep does within a minute, now: leases run out, and what is due is settled."""
    for _ in range(4):
        for operations in (Payment.objects, Refund.objects):
            operations.filter(closed_at=None, next_attempt_at__isnull=False).exclude(status="pending").update(
                next_attempt_at=timezone.now()
            )
        sweep()
        if not open_acts():
            return
