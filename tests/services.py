"""The pytest plugin that gives the tests services of their own, whatever the developer's environment says.

It starts them before pytest-django reads the settings, and ends them with the session. With pytest-xdist each of its
workers has its own: a fault set in a shared sandbox would reach the tests of the others.
"""

import os
import shutil
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

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


@pytest.fixture
def sandbox(pytestconfig: pytest.Config) -> Iterator[Sandbox]:
    """Give the session's Stripe; whatever fault a test sets ends with it."""
    yield pytestconfig.stash[STACK].sandbox
    pytestconfig.stash[STACK].sandbox.clear()
