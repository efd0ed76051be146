"""The pytest plugin that gives the tests services of their own, whatever the developer's environment says.

It starts them before pytest-django reads the settings, and ends them with the session. With pytest-xdist each of its
workers has its own: a fault set in a shared sandbox would reach the tests of the others.
"""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from devserver.fake_stripe_server import FakeStripeServer
from devserver.temporary_services import Stack, become_environment

STACK = pytest.StashKey[Stack]()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Start the services; a wrapper, since pytest-django's own hook is `tryfirst`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that an end from outside clears up, too
    folder = Path(tempfile.mkdtemp(prefix="pelcro-tests-"))
    early_config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    stack = Stack(folder)
    early_config.add_cleanup(stack.stop)
    early_config.stash[STACK] = stack
    become_environment(stack.env)
    if not hands_out_work(early_config):
        stack.__enter__()
    return (yield)


def hands_out_work(config: pytest.Config) -> bool:
    """Say whether this process only hands tests to the workers of pytest-xdist."""
    return bool(getattr(config.known_args_namespace, "numprocesses", None)) and "PYTEST_XDIST_WORKER" not in os.environ


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out tests one by one, in pytest-django's order, but those of some modules all to the same worker.

    (`--dist loadgroup` would say this by marks; pytest-xdist 3.8 and pytest 9.2 together don't heed them.)
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module in ONE_SERVER_FOR_ALL else nodeid


ONE_SERVER_FOR_ALL = ("tests/devserver/test_run.py", "tests/pelcro_orders/test_health.py")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Let tests that share a server start it once."""
    return Scheduler(config, log)


def is_here(host: str) -> bool:
    """Say whether an address is this very machine's."""
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse to reach anything but this machine: a test that needs more passes by luck."""
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not is_here(arguments[1][0]):
        raise ConnectionRefusedError(f"A test wanted to reach {arguments[1][0]}; only this machine is there.")


sys.addaudithook(stay_here)


@pytest.fixture
def sandbox(pytestconfig: pytest.Config) -> Iterator[FakeStripeServer]:
    """Give the session's Stripe; whatever fault a test sets ends with it."""
    yield pytestconfig.stash[STACK].sandbox
    pytestconfig.stash[STACK].sandbox.clear()
