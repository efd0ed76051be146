"""The pytest plugin that gives the tests services of their own, whatever the developer's environment says.

It starts them before pytest-django reads the settings, and ends them with the session. With pytest-xdist each of its
workers has its own: a fault set in a shared sandbox would reach the tests of the others.
"""

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

from pelcro_orders.local.sandbox import Sandbox
from pelcro_orders.local.stack import Stack, become_environment

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


def stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse to reach anything but this machine: a test that needs more passes by luck."""
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
        if host != "localhost" and not ip_address(host).is_loopback:
            raise ConnectionRefusedError(f"A test wanted to reach {host}; only this machine is there.")


sys.addaudithook(stay_here)


@pytest.fixture
def sandbox(pytestconfig: pytest.Config) -> Iterator[Sandbox]:
    """Give the session's Stripe; whatever fault a test sets ends with it."""
    yield pytestconfig.stash[STACK].sandbox
    pytestconfig.stash[STACK].sandbox.clear()
