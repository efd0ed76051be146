"""What the connections are told, by pooler and by program, and how many of them a program may open."""

import subprocess
import sys
from typing import Any

import pytest
from django.db import connection

from devserver import programs
from pelcro_orders.config import BASE_DIR
from pelcro_orders.database_settings import NO_POOLER, TRANSACTION, databases
from pelcro_orders.process_name import application_name, kind_of
from pelcro_orders.session_checks import budget, new_session
from tests.support.services import SERVICES

ADDRESS: dict[str, Any] = {"NAME": "shop", "HOST": "db.example.com", "OPTIONS": {"sslmode": "require"}}


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["/venv/bin/gunicorn", "--config", "python:pelcro_orders.web_server"], "pelcro-orders web"),
        (["/venv/lib/gunicorn/__main__.py"], "pelcro-orders web"),
        (["/venv/bin/celery", "-A", "pelcro_orders", "worker"], "pelcro-orders worker"),
        (["/venv/lib/celery/__main__.py", "-A", "pelcro_orders", "beat"], "pelcro-orders beat"),
        (["/opt/pelcro-orders/manage.py", "migrate", "--plan"], "pelcro-orders manage.py migrate"),
        (["manage.py"], "pelcro-orders manage.py"),
        (["/venv/bin/a-program"], "pelcro-orders a-program"),
        ([f"manage.py/{'é' * 80}"], f"pelcro-orders {'?' * 49}"),
    ],
)
def test_a_session_names_its_program(argv: list[str], name: str) -> None:
    assert application_name(kind_of(argv)) == name


def test_the_sessions_of_the_tests_have_names_and_limits(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()")
        assert cursor.fetchone()[0].startswith("pelcro-orders ")
    assert new_session().unlimited == []


def test_options_are_sent_where_no_pooler_refuses_them() -> None:
    direct = databases(ADDRESS, pooler=NO_POOLER, pool_size=0, kind="web")["default"]
    pooled = databases(ADDRESS, pooler=TRANSACTION, pool_size=0, kind="web")["default"]
    assert "statement_timeout=60s" in direct["OPTIONS"]["options"]
    assert "options" not in pooled["OPTIONS"]
    assert (direct["DISABLE_SERVER_SIDE_CURSORS"], pooled["DISABLE_SERVER_SIDE_CURSORS"]) == (False, True)
    assert {each["OPTIONS"]["sslmode"] for each in (direct, pooled)} == {"require"}
    assert connection.get_connection_params()["prepare_threshold"] is None


@pytest.mark.parametrize(("kind", "size", "has_pool"), [("web", 4, True), ("web", 0, False), ("worker", 4, False)])
def test_only_web_has_a_pool(kind: str, size: int, *, has_pool: bool) -> None:
    found = databases(ADDRESS, pooler=NO_POOLER, pool_size=size, kind=kind)["default"]
    assert ("pool" in found["OPTIONS"]) is has_pool
    assert found["CONN_MAX_AGE"] == (0 if has_pool else 60)


@pytest.mark.parametrize(
    ("needed", "words", "too_many"),
    [(16, "", False), (90, "little is left for workers", False), (98, "would be answered with 503", True)],
)
def test_a_program_that_needs_more_than_there_is_is_told(needed: int, words: str, *, too_many: bool) -> None:
    sentence, refused = budget(needed=needed, formula=f"web processes x {needed}", room=97)
    assert words in sentence
    assert refused is too_many


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (["gunicorn", "--config", "python:pelcro_orders.web_server", "--workers", "25"], "25 web processes x 8 = 200"),
        (["celery", "-A", "pelcro_orders", "worker", "--concurrency", "120"], "120 worker processes x 2 = 240"),
    ],
    ids=["web", "worker"],
)
def test_a_program_that_needs_more_than_postgresql_takes_does_not_start(
    pytestconfig: pytest.Config, program: list[str], words: str
) -> None:
    env = {**pytestconfig.stash[SERVICES].env, "DATABASE_POOLER": "none", "PORT": str(programs.free_port())}
    env["DATABASE_URL"] = pytestconfig.stash[SERVICES].postgres.url
    done = subprocess.run(
        [sys.executable, "-m", *program], check=False, capture_output=True, text=True, cwd=BASE_DIR, env=env, timeout=60
    )
    assert done.returncode != 0
    assert f"Pelcro Orders does not start: {words} connections" in done.stderr
