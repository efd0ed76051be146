"""The pytest plugin that starts PostgreSQL, Redis and the fake Stripe for the tests, whatever the environment says.

Their addresses are known before pytest-django reads the settings; they start once all tests are collected, and stop
with the session. Each worker of pytest-xdist has its own: a fault set in a shared fake Stripe would reach the tests of
the others.
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
from xdist.workermanage import WorkerController

from devserver.fake_stripe_server import FakeStripeServer
from devserver.temporary_services import TemporaryServices, replace_environment
from pelcro_orders.startup import collect_garbage_seldom
from tests.support import database_template
from tests.support.pgbouncer import PROGRAM, PgBouncer, limit_role

SERVICES = pytest.StashKey[TemporaryServices]()
PGBOUNCER = pytest.StashKey[PgBouncer]()
# `THROUGH_PGBOUNCER=1 make test ARGS=…` runs tests, and the programs that they start, behind it.
THROUGH_PGBOUNCER = os.environ.get("THROUGH_PGBOUNCER") == "1"
# All tests of these modules share one server, or one database as it was, so one worker runs them.
SINGLE_WORKER_MODULES = (
    "tests/devserver/test_run.py",
    "tests/ecommerce/test_lay_on_cells.py",
    "tests/pelcro_orders/edge/test_slow_clients.py",
    "tests/pelcro_orders/test_health.py",
)
# Tests that mostly wait, the longest first: half of the workers begin with them.
WAITING = (
    *SINGLE_WORKER_MODULES,
    "tests/faults/",
    "tests/devserver/",
    "tests/billing/test_rate_limit.py",
    "tests/ecommerce/bulk_jobs/",
    "tests/pelcro_orders/test_checks.py",
)
# Tests that keep a processor busy, the longest last: the other half begins there.
BUSY = ("tests/fake_stripe/test_card_field.py", "tests/browser/")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Say where the services will be; a wrapper, since pytest-django's own hook is `tryfirst`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that SIGTERM cleans up, too
    gc.disable()  # while everything is imported, of which nothing is garbage
    folder = Path(tempfile.mkdtemp(prefix="pelcro-tests-"))
    early_config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    services = TemporaryServices(folder)
    early_config.add_cleanup(services.stop)
    early_config.stash[SERVICES] = services
    if THROUGH_PGBOUNCER and not is_xdist_controller(early_config):
        if not PROGRAM:
            raise pytest.UsageError("THROUGH_PGBOUNCER=1 needs PgBouncer: apt-get install pgbouncer")
        early_config.stash[PGBOUNCER] = PgBouncer(services.postgres, folder)
        early_config.add_cleanup(early_config.stash[PGBOUNCER].stop)
        services.env["DATABASE_URL"] = early_config.stash[PGBOUNCER].url("pelcro")
        services.env["DATABASE_POOLER"] = "transaction"
    replace_environment(services.env)
    if is_xdist_controller(early_config):
        database_template.make_meanwhile(services)
    return (yield)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the services."""
    collect_garbage_seldom()
    gc.enable()
    if not (is_xdist_controller(session.config) or session.config.option.collectonly):
        services = session.config.stash[SERVICES]
        database_template.copy_to(services)
        services.__enter__()
        if THROUGH_PGBOUNCER:
            limit_role(services.postgres)
            session.config.stash[PGBOUNCER].start()


@pytest.hookimpl(trylast=True)  # after pytest-django, which has tests without a database be the last
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: place(item.nodeid))


def place(nodeid: str) -> int:
    """Give the place of a test: those that wait first, those that keep a processor busy last."""
    for number, path in enumerate(WAITING):
        if nodeid.startswith(path):
            return number - len(WAITING)
    return next((number for number, path in enumerate(BUSY, 1) if nodeid.startswith(path)), 0)


def is_xdist_controller(config: pytest.Config) -> bool:
    return bool(getattr(config.known_args_namespace, "numprocesses", None)) and "PYTEST_XDIST_WORKER" not in os.environ


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]
    """Schedules each test by itself, but SINGLE_WORKER_MODULES as a whole, from both ends towards the middle.

    So the processors always have something to do while other tests wait, and the short ones come last.
    (`--dist loadgroup` would say the modules by marks; pytest-xdist 3.8 and pytest 9.2 together ignore them.)
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self.nodes.index(node) % 2:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)

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
