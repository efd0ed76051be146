import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from devserver.postgres import Postgres
from devserver.process import DevServerError
from devserver.temporary_services import TemporaryServices


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A cluster below a folder that nobody else may enter, root's own PostgreSQL account included."""
    tmp_path.chmod(0o700)
    stack = TemporaryServices(tmp_path)
    yield stack.postgres
    stack.stop()


def test_a_killed_server_starts_again_at_once_and_has_kept_everything(postgres: Postgres) -> None:
    postgres.start()
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    with psycopg.connect(postgres.url):  # its server process notices the death a moment later
        os.kill(postgres.pid, 9)
        postgres.kill()
        postgres.start()
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_it_knows_letters_and_does_not_listen_on_the_network(postgres: Postgres) -> None:
    postgres.start()
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT lower('ÀÉÜ') = 'àéü', current_user").fetchone() == (True, "pelcro")
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_a_cluster_of_another_version_is_left_alone(postgres: Postgres) -> None:
    postgres.data.mkdir()
    (postgres.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(
        DevServerError, match=r"made by PostgreSQL 17, and this is PostgreSQL 18: dump it .* `make clean`"
    ):
        postgres.start()
    assert [file.name for file in postgres.data.iterdir()] == ["PG_VERSION"]


def test_half_a_cluster_of_a_killed_start_is_made_again(postgres: Postgres) -> None:
    half = postgres.data.with_name("postgres.new")
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    postgres.start()
    assert postgres.is_ready()
    assert not half.exists()


def test_only_tests_trade_safety_for_speed(tmp_path: Path) -> None:
    stack = TemporaryServices(tmp_path, durable=True)
    assert not {"--fsync=off", "--full_page_writes=off", "--synchronous_commit=off"} & set(stack.postgres.argv)
    stack.stop()
