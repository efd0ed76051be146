"""`python -m devserver`, which is what `make run` calls, from outside."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from devserver import private_folders, programs, run_files, stale_processes
from pelcro_orders.config import BASE_DIR
from pelcro_orders.service_urls import socket_folder

EXPORT = """
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
for storage in (default_storage, storages["exports"], storages["import_export"]):
    storage.save("folder/file.csv", ContentFile(b"number"))
"""


class Run:
    """A run in a folder of its own, whose output is kept."""

    def __init__(self, var_dir: Path, port: int) -> None:
        self.var_dir = var_dir
        self.env = run_files.without_project_variables(os.environ) | {"VAR_DIR": str(var_dir), "PORT": str(port)}
        self.env.pop("MAKELEVEL", None)
        self.web = f"http://127.0.0.1:{port}"
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "devserver"],
            cwd=BASE_DIR,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return self

    def until_it_answers(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        said = ""
        while "Stop with Ctrl-C" not in said:
            line = self.process.stdout.readline()
            assert line, f"it ended: {said}"
            said += line
        return said

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.var_dir / "run.json").read_text())
        return found

    def send(self, number: signal.Signals) -> tuple[int, str]:
        assert self.process is not None
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=60)
        return self.process.returncode, said

    def refused(self) -> str:
        """Start beside another one; it must not come up."""
        process = self.start().process
        assert process is not None
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 1
        return said

    def manage(self, *arguments: str, **environment: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=BASE_DIR, env=self.env | environment, check=True, timeout=60
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    run = Run(tmp_path_factory.mktemp("run") / "var", programs.free_port()).start()
    try:
        run.until_it_answers()
        run.manage(
            *("createsuperuser", "--noinput", "--email", "zoe@example.com", "--username", "zoe"),
            DJANGO_SUPERUSER_PASSWORD="zoe-signs-in",
        )
        yield run
    finally:
        assert run.process is not None
        if run.process.poll() is None:
            run.send(signal.SIGTERM)


def page_after_sign_in(run: Run) -> str:
    opener = urllib.request.build_opener(
        urllib.request.HTTPCookieProcessor(CookieJar()), urllib.request.ProxyHandler({})
    )
    login = f"{run.web}/admin/login/?next=/admin/"
    form = opener.open(login, timeout=20).read().decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert token is not None
    answer = {"csrfmiddlewaretoken": token[1], "username": "zoe", "password": "zoe-signs-in"}
    page = opener.open(urllib.request.Request(login, urllib.parse.urlencode(answer).encode()), timeout=20)
    text: str = page.read().decode()
    return f"{page.geturl()} {text}"


def test_a_signed_in_person_sees_the_admin(run: Run) -> None:
    page = page_after_sign_in(run)
    assert page.startswith(f"{run.web}/admin/ ")
    assert "zoe" in page
    style = re.search(r'href="(/static/[^"]+\.css)"', page)
    assert style is not None
    assert programs.responds_ok(run.web + style[1])


def test_it_writes_down_where_everything_is(run: Run) -> None:
    told = run.told()
    assert told["web"] == told["base_url"] == run.web
    assert programs.responds_ok(f"{told['stripe_api_base']}/_sandbox/ledger")
    with psycopg.connect(told["database_url"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert set(told["pids"]) == {"run", "postgres", "redis", "sandbox", "worker", "beat", "web"}
    for name in ("run.json", "environment.json"):
        assert stat.S_IMODE((run.var_dir / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(socket_folder(run.var_dir).stat().st_mode) == 0o700


def test_the_demo_shop_is_open(run: Run) -> None:
    with psycopg.connect(run.told()["database_url"]) as connection:
        counts = "SELECT count(*), count(DISTINCT status), count(DISTINCT currency), count(DISTINCT money_state)"
        assert connection.execute(f"{counts} FROM ecommerce_order").fetchone() == (300, 5, 4, 5)


def open_to_others(folder: Path) -> list[str]:
    """List files and folders below it that another user of the machine may read, or enter."""
    found = [folder, *(each for each in folder.rglob("*") if not each.is_symlink())]
    return [str(each) for each in found if stat.S_IMODE(each.stat().st_mode) & 0o077]


def test_no_other_user_reads_what_it_writes(run: Run) -> None:
    run.manage("shell", "-c", EXPORT)
    private = [each for each in run.var_dir.iterdir() if each.name not in {"static", "postgres"}]
    assert {"log", "files", "redis", "stripe", "beat", "environment.json", "run.json"} <= {
        each.name for each in private
    }
    assert [found for each in private for found in open_to_others(each)] == []
    assert stat.S_IMODE(run.var_dir.stat().st_mode) == 0o700
    assert open_to_others(socket_folder(run.var_dir)) == []


def test_what_others_could_read_is_closed_at_the_next_start(tmp_path: Path) -> None:
    old = tmp_path / "files" / "exports" / "orders.csv"
    old.parent.mkdir(parents=True)
    old.write_text("number")
    old.chmod(0o644)
    assert open_to_others(tmp_path / "files")
    private_folders.make_private(tmp_path / "files")
    assert open_to_others(tmp_path / "files") == []


def test_a_second_start_says_who_runs_already(run: Run) -> None:
    said = Run(run.var_dir, programs.free_port()).refused()
    assert run.process is not None
    assert f"already runs from {run.var_dir} (process {run.process.pid}) and answers on {run.web}." in said
    assert programs.responds_ok(f"{run.web}/healthz")


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} is taken by another program" in Run(tmp_path, port).refused()
    assert not (tmp_path / "postgres").exists()


@pytest.mark.full
def test_a_killed_run_leaves_nothing_that_the_next_one_minds(run: Run) -> None:
    before = run.told()["pids"]
    run.send(signal.SIGKILL)
    (run.var_dir / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    said = run.start().until_it_answers()
    assert "PostgreSQL" in said
    assert not [name for name, pid in before.items() if stale_processes.identity(pid)]
    assert "zoe" in page_after_sign_in(run)


@pytest.mark.full
def test_a_part_that_ends_by_itself_ends_all_and_leaves_its_last_words(run: Run) -> None:
    pids = run.told()["pids"]
    assert run.process is not None
    os.kill(pids["beat"], signal.SIGKILL)
    said, _ = run.process.communicate(timeout=60)
    assert run.process.returncode == 1
    assert f"Beat ended by SIGKILL. The end of {run.var_dir / 'log' / 'beat.log'}:" in said
    assert not [name for name, pid in pids.items() if stale_processes.identity(pid)]
    run.start().until_it_answers()


def test_nothing_starts_that_is_configured(tmp_path: Path) -> None:
    run = Run(tmp_path, programs.free_port())
    run.env |= {name: os.environ[name] for name in ("DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_API_BASE")}
    run.env["REDIS_URL"] = f"{os.environ['REDIS_URL']}?db=7"
    said = run.start().until_it_answers()
    assert set(run.told()["pids"]) == {"run", "worker", "beat", "web"}
    assert [line.split()[0] for line in said.splitlines()[:4]] == ["PostgreSQL", "Redis", "Stripe", "Database"]
    assert "admin / admin" not in said
    assert not (tmp_path / "postgres").exists()
    assert run.process is not None
    os.killpg(run.process.pid, signal.SIGINT)  # as a terminal sends it; and again, of an impatient person
    assert run.send(signal.SIGINT) == (0, "  Stopping\n  Stopped\n")


def test_it_ends_all_it_started(run: Run) -> None:
    pids = run.told()["pids"]
    status, said = run.send(signal.SIGTERM)
    assert status == 0
    assert said.split() == ["Stopping", "Stopped"]
    assert not [name for name, pid in pids.items() if stale_processes.identity(pid)]
    assert not socket_folder(run.var_dir).exists()
    assert not (run.var_dir / "run.json").exists()
    assert not (run.var_dir / "postgres" / "postmaster.pid").exists()
