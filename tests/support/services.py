"""The pytest plugin that starts PostgreSQL, Redis and the fake Stripe for the tests, whatever the environment says.

They start before pytest-django reads the settings and stop with the session. Each worker of pytest-xdist has its own: a
fault set in a shared fake Stripe would reach the tests of the others.
"""

import contextlib
import gc
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
from devserver.temporary_services import TemporaryServices, replace_environment
from pelcro_orders.startup import collect_garbage_seldom

SERVICES = pytest.StashKey[TemporaryServices]()
# All tests of these modules share one server, or one database as it was, so one worker runs them.
SINGLE_WORKER_MODULES = (
    "tests/devserver/test_run.py",
    "tests/ecommerce/test_lay_on_cells.py",
    "tests/pelcro_orders/edge/test_slow_clients.py",
    "tests/pelcro_orders/test_health.py",
)
LONGEST = "tests/benchmarks/"


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Start the services; a wrapper, since pytest-django's own hook is `tryfirst`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that SIGTERM cleans up, too
    gc.disable()  # while everything is imported, of which nothing is garbage
    folder = Path(tempfile.mkdtemp(prefix="pelcro-tests-"))
    early_config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    services = TemporaryServices(folder)
    early_config.add_cleanup(services.stop)
    early_config.stash[SERVICES] = services
    replace_environment(services.env)
    if not is_xdist_controller(early_config):
        services.__enter__()
    return (yield)


def pytest_collection_finish() -> None:
    collect_garbage_seldom()
    gc.enable()


@pytest.hookimpl(trylast=True)  # after pytest-django, which has tests without a database be the last
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest of all: at the end, the other worker would have nothing to do meanwhile."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def is_xdist_controller(config: pytest.Config) -> bool:
    return bool(getattr(config.known_args_namespace, "numprocesses", None)) and "PYTEST_XDIST_WORKER" not in os.environ


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]
    """Schedules each test by itself, in pytest-django's order, but SINGLE_WORKER_MODULES as a whole.

    (`--dist loadgroup` would say this by marks; pytest-xdist 3.8 and pytest 9.2 together ignore them.)
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if module in SINGLE_WORKER_MODULES else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return Scheduler(config, log)


def is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def refuse_outside_connections(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect" and isinstance(arguments[1], tuple) and not is_loopback(arguments[1][0]):
        raise ConnectionRefusedError(f"A test tried to connect to {arguments[1][0]}; tests reach loopback only.")


sys.addaudithook(refuse_outside_connections)


@pytest.fixture
def fake_stripe(pytestconfig: pytest.Config) -> Iterator[FakeStripeServer]:
    """Give the session's fake Stripe, whose books and faults end with the test.

    Whatever stays is read by each later `ledger()`, and its events are sent again and again to nobody.
    """
    fake_stripe = pytestconfig.stash[SERVICES].fake_stripe
    yield fake_stripe
    if fake_stripe.running:
        fake_stripe.forget()
