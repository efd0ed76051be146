"""Behind PgBouncer in transaction mode, where two transactions of one program run in two sessions."""

import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection

from backoffice import session_limits
from devserver.postgres import Postgres
from ecommerce.models import BulkJob, Order
from ecommerce.tasks import sweep
from pelcro_orders.database_settings import NO_POOLER, TRANSACTION, databases
from pelcro_orders.session_checks import new_session
from pelcro_orders.session_checks import session_limits as limits_check
from pelcro_orders.startup import refuse_bad_configuration
from tests.faults.conftest import House
from tests.faults.website import Website, make_ada
from tests.support.bulk_jobs import a_clerk, run
from tests.support.factories import make_sku, place_order
from tests.support.pgbouncer import PORT, PgBouncer, needs_pgbouncer
from tests.support.services import SERVICES, THROUGH_PGBOUNCER
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    needs_pgbouncer,
    pytest.mark.skipif(THROUGH_PGBOUNCER, reason="is behind one PgBouncer already"),
]


@pytest.fixture
def postgres(pytestconfig: pytest.Config, transactional_db: None) -> Iterator[Postgres]:
    postgres = pytestconfig.stash[SERVICES].postgres
    yield postgres
    with postgres.connect() as own:
        own.execute(f'ALTER ROLE pelcro IN DATABASE "{connection.settings_dict["NAME"]}" RESET ALL')


@pytest.fixture
def bouncer(postgres: Postgres, tmp_path: Path) -> Iterator[PgBouncer]:
    bouncer = PgBouncer(postgres, tmp_path, size=4)
    bouncer.start()
    yield bouncer
    bouncer.stop()


@pytest.fixture
def connect_as(bouncer: PgBouncer, settings: Any) -> Iterator[Callable[[str], None]]:
    """Have Django's connections go through PgBouncer, as with this DATABASE_POOLER."""
    address = {name: connection.settings_dict[name] for name in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST")}

    def connect(pooler: str) -> None:
        settings.DATABASE_POOLER = pooler
        found = databases({**address, "PORT": str(PORT), "OPTIONS": {}}, pooler=pooler, pool_size=0, kind="tests")
        connection.settings_dict.update(found["default"])

    connection.close()
    with patch.dict(connection.settings_dict):
        yield connect
        connection.close()


@pytest.fixture
def others(connect_as: Callable[[str], None], bouncer: PgBouncer) -> Iterator[None]:
    """Other programs, whose transactions come between ours and take their sessions."""
    connect_as(TRANSACTION)
    session_limits.limit_role()
    connection.close()
    bouncer.console("RECONNECT")
    ended = threading.Event()
    parameters = connection.get_connection_params()

    def transact() -> None:
        with psycopg.connect(**parameters) as own:
            while not ended.wait(0.003):
                own.execute("SELECT 1")
                own.commit()

    threads = [threading.Thread(target=transact) for _ in range(3)]
    for thread in threads:
        thread.start()
    yield
    ended.set()
    for thread in threads:
        thread.join()


def sessions_seen() -> set[int]:
    with connection.cursor() as cursor:
        return {cursor.execute("SELECT pg_backend_pid()").fetchone()[0] for _ in range(50)}


def test_a_shop_at_work(others: None, fake_stripe: Any, empty_stripe: Any, balanced: Callable[[], None]) -> None:
    wait_until(lambda: len(sessions_seen()) > 1)  # the other programs begin soon
    refuse_bad_configuration()  # which would end this program
    ben = a_clerk()
    order = place_order(token="pm_card_visa")
    assert order.status == "paid"
    with patch("ecommerce.bulk_jobs.selection.SLICE", 4):
        for _ in range(10):
            place_order(token="pm_card_visa")
        exported = run("export", Order.objects.all(), ben)
        assert (exported.status, exported.file_rows) == ("succeeded", 11)
        fulfilled = run("fulfill", Order.objects.filter(pk=order.pk), ben)
        canceled = run("cancel", Order.objects.filter(status="paid"), ben)
    assert (fulfilled.status, canceled.status) == ("succeeded", "succeeded")
    statuses = Order.objects.values_list("status", flat=True)
    assert sorted(statuses) == ["canceled"] * 10 + ["fulfilled"]
    sweep()
    call_command("reconcile")


def test_the_role_is_limited_once_and_a_start_without_is_refused(
    connect_as: Callable[[str], None], bouncer: PgBouncer
) -> None:
    connect_as(NO_POOLER)
    (refused,) = limits_check(databases=["default"])
    assert (refused.id, refused.hint) == (
        "pelcro_orders.E008",
        "Set DATABASE_POOLER=transaction, and run `manage.py role_timeouts`.",
    )
    connect_as(TRANSACTION)
    (unlimited,) = limits_check(databases=["default"])
    assert unlimited.id == "pelcro_orders.E009"
    assert unlimited.msg.startswith("idle_in_transaction_session_timeout, lock_timeout, statement_timeout of")
    assert "Run `manage.py role_timeouts`" in str(unlimited.hint)
    said = session_limits.limit_role()
    assert "lock_timeout 10s, statement_timeout 60s, idle_in_transaction_session_timeout 60s" in said
    (older,) = limits_check(databases=["default"])
    assert "RECONNECT, at PgBouncer's console" in str(older.hint)
    connection.close()
    bouncer.console("RECONNECT")
    assert limits_check(databases=["default"]) == []
    assert session_limits.limit_role() == "Sessions: limited by the settings of the role."
    assert new_session().unlimited == []


def test_a_limit_that_somebody_has_set_stays(connect_as: Callable[[str], None], postgres: Postgres) -> None:
    connect_as(TRANSACTION)
    name = connection.settings_dict["NAME"]
    with postgres.connect() as own:
        own.execute(f"ALTER ROLE pelcro IN DATABASE \"{name}\" SET statement_timeout = '5min'")
    assert "statement_timeout" not in session_limits.limit_role().replace("idle_in_transaction_session_timeout", "")
    with postgres.connect(name) as own:
        own.execute("SET SESSION AUTHORIZATION pelcro")
    with connection.cursor() as cursor:
        cursor.execute(session_limits.OF_ROLE)
        assert {found for (found,) in cursor.fetchall()} == set(session_limits.LIMITS)


@pytest.mark.full
def test_web_with_a_pool_worker_and_beat(house: House, bouncer: PgBouncer, ledger: Any) -> None:
    name = connection.settings_dict["NAME"]
    house.extra = {"DATABASE_URL": bouncer.url(name), "DATABASE_POOLER": TRANSACTION, "DATABASE_POOL_SIZE": "2"}
    assert house.command("role_timeouts")[0] == 0
    bouncer.console("RECONNECT")
    mug, _ada = make_sku(stock=1000), make_ada()
    house.web(), house.worker(), house.beat()
    website = Website.entered(house.base_url)
    body = {"items": [{"sku_id": mug.pk, "quantity": 1}], "gateway_token": "pm_card_visa"}
    threads = [threading.Thread(target=website.order, args=(body, str(uuid.uuid4()))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Order.objects.filter(status="paid").count() == len(ledger()["payment_intents"]) == 20
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT application_name FROM pg_stat_activity WHERE application_name LIKE 'pelcro%%'")
        names = {found for (found,) in cursor.fetchall()}
    assert {"pelcro-orders web", "pelcro-orders worker"} <= names
    assert not BulkJob.objects.exists()
