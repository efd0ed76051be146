"""docs/operating.md is followed word by word: its own commands back up, and bring back, a shop that went on selling.

PostgreSQL is of the folder POSTGRES_BINARIES if that is set, else the embedded one's.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devserver import programs
from devserver.postgres import find_binaries
from devserver.private_folders import ensure_private
from devserver.process import Process, unprivileged_account
from devserver.temporary_services import TemporaryServices
from pelcro_orders.config import BASE_DIR
from tests.support.mailbox import MailServer, mail_server
from tests.support.webhook_receiver import Receiver, webhook_receiver

pytestmark = pytest.mark.full
Json = dict[str, Any]
SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{sockets}'
timezone = 'UTC'
"""
# sudo forgets the environment, and so does this one, but for where the test's own server listens.
SUDO = """#!/bin/sh
account=
kept=
while :; do case "$1" in
    -u) account=$2; shift 2;;
    --preserve-env=BACKUPS) kept="BACKUPS=$BACKUPS"; shift;;
    *) break;;
esac; done
cd /
[ "$account" ] || exec "$@"
exec {as_account} env -i PATH="$PATH" LC_ALL=C.UTF-8 PGHOST={sockets} PGUSER=postgres $kept "$@"
"""
SYSTEMCTL = """#!/bin/sh
case "$2" in
    postgresql@15-main) exec sudo -u postgres pg_ctl "$1" -D {data} -w -t 60 -m fast -l {home}/postgres.log >&2;;
    pelcro-orders.target) ;;  # the test does it
    *) exit 1;;
esac
"""
REDIS_CLI = """#!{python}
import sys, redis
assert [sys.argv[1], *sys.argv[3:]] == ["-u", "FLUSHDB"]
redis.Redis.from_url(sys.argv[2]).flushdb()
"""


def blocks(heading: str) -> list[str]:
    """Give the commands under a heading of the page, block by block."""
    page = (BASE_DIR / "docs" / "operating.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {heading}\n(.*?)^## ", page, re.MULTILINE | re.DOTALL)
    assert section, heading
    return re.findall(r"^```bash\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL)


@dataclass
class Shop:
    """A machine with PostgreSQL, and the programs; `said` is what the commands printed."""

    home: Path
    services: TemporaryServices
    binaries: Path
    mails: MailServer
    webhooks: Receiver
    running: list[Process] = field(default_factory=list)
    said: str = ""

    @property
    def data(self) -> Path:
        return self.home / "main"

    @property
    def env(self) -> dict[str, str]:
        path = f"{self.home / 'bin'}:{self.binaries}:{os.environ['PATH']}"
        return self.services.env | {
            "PATH": path,
            "PGDATA": str(self.data),
            "BACKUPS": str(self.home / "backups"),
            "EMAIL_URL": f"smtp://127.0.0.1:{self.mails.port}",
            "WEBHOOK_PRIVATE_ADDRESSES": "127.0.0.0/8",
        }

    def prepare(self) -> None:
        """Make the cluster as Debian does, and the commands that a test can't have."""
        account = unprivileged_account()
        numbers = f"setpriv --reuid={account.uid} --regid={account.gid} --clear-groups" if account else ""
        places = {"sockets": self.services.sockets, "as_account": numbers, "data": self.data, "home": self.home}
        (self.home / "bin").mkdir()
        manage = '#!/bin/sh\nexec {python} manage.py "$@"\n'
        scripts = {"sudo": SUDO, "systemctl": SYSTEMCTL, "redis-cli": REDIS_CLI, "pelcro-orders": manage}
        for name, text in scripts.items():
            script = self.home / "bin" / name
            script.write_text(_filled(text, {**places, "python": sys.executable}))
            script.chmod(0o755)
        self.run(
            "sudo -u postgres initdb --pgdata=$PGDATA --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8"
        )
        with (self.data / "postgresql.conf").open("a", encoding="ascii") as file:
            file.write(SETTINGS.format(sockets=self.services.sockets))
        self.run("sudo systemctl start postgresql@15-main")
        self.run("sudo -u postgres createuser --createdb pelcro && sudo -u postgres createdb --owner=pelcro pelcro")

    def run(self, commands: str, **replaced: str) -> str:
        """Run commands of the page, in which days and moments are replaced."""
        account = unprivileged_account()
        # The embedded one's own crashes.
        verify = "/usr/lib/postgresql/15/bin/pg_verifybackup"
        here = {
            verify: str(self.binaries / "pg_verifybackup") if "POSTGRES_BINARIES" in os.environ else "true",
            "-o postgres": f"-o {account.uid if account else os.getuid()}",
        }
        for before, after in {**here, **replaced}.items():
            commands = commands.replace(before, after)
        if "systemctl stop pelcro-orders" in commands:
            self.stop()
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", commands],
            check=False, env=self.env, cwd=BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=600,
        )  # fmt: skip
        self.said += done.stdout
        assert done.returncode == 0, f"{commands}\n{done.stdout[-4000:]}"
        if "systemctl start pelcro-orders" in commands:
            self.start()
        return done.stdout

    def step(self, name: str, *arguments: Any) -> Json:
        """Run a step of `restore_steps`."""
        code = f"from tests.faults.restore_steps import run_step; run_step({name!r}, {json.dumps(arguments)!r})"
        words = [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code]
        done = subprocess.run(words, check=False, env=self.env, cwd=BASE_DIR, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-4000:]
        result: Json = json.loads(done.stdout.splitlines()[-1])
        return result

    def start(self) -> None:
        for program in (
            programs.worker(self.env, self.home / "app"),
            programs.beat(self.env, self.home / "app"),
            programs.web(self.env, self.home / "app", self.services.port),
        ):
            self.running.append(program)
            program.start()

    def stop(self) -> None:
        while self.running:
            self.running.pop().kill()

    def drain(self) -> None:
        """Wait until the worker has done all there is."""
        assert self.step("drain") == {}

    def sent(self) -> Counter[str]:
        return Counter(self.mails.message_ids)

    def told(self) -> Counter[str]:
        return Counter(each.id for each in self.webhooks.at("/ok"))


def _filled(text: str, places: dict[str, object]) -> str:
    for name, value in places.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


@pytest.fixture
def shop() -> Iterator[Shop]:
    account = unprivileged_account()
    home = ensure_private(Path(tempfile.mkdtemp(prefix="pelcro-walk-", dir="/tmp")), account)
    services = TemporaryServices(ensure_private(home / "app", None))
    binaries = Path(os.environ.get("POSTGRES_BINARIES") or find_binaries(services.sockets / "programs", account))
    with mail_server() as mails, webhook_receiver() as webhooks:
        shop = Shop(home, services, binaries, mails, webhooks)
        services.env["VAR_DIR"] = str(home / "app")
        try:
            services.redis.start()
            services.fake_stripe.start()
            shop.prepare()
            yield shop
        finally:
            shop.stop()
            subprocess.run(
                [shop.home / "bin" / "systemctl", "stop", "postgresql@15-main"], env=shop.env, check=False,
                capture_output=True,
            )  # fmt: skip
            services.stop()
            shutil.rmtree(home)


@pytest.mark.parametrize("way", ["moment", "dump"])
def test_the_page_brings_back_a_shop_that_went_on_selling(shop: Shop, way: str) -> None:
    once, nightly, weekly = blocks("Backup")
    stop, bring_back, from_dump, empty, compare, start = blocks("Restore to a moment")
    shop.run("pelcro-orders migrate")
    shop.run(once)
    known = shop.step("seed", shop.webhooks.url("/ok"))
    shop.start()
    shop.drain()
    if way == "moment":
        shop.run(nightly)
    shop.stop()
    known |= shop.step("in_flight")
    moment = datetime.fromisoformat(known["moment"]) + timedelta(milliseconds=1)
    day = f"{moment:%F}"
    if way == "dump":
        shop.run(nightly)
    sent, told = shop.sent(), shop.told()

    shop.start()
    shop.step("lost", known)
    shop.drain()
    before, files = shop.step("books"), _documents(shop)
    assert before["differences"] == []

    shop.said = ""
    days = {"2026-11-28 14:05:00+00": moment.isoformat(sep=" "), "2026-11-28T14:00": moment.isoformat()}
    days |= {"2026-11-28": day}
    shop.run(stop, **days)
    if way == "moment":
        shop.run(bring_back, **days)
    else:
        shop.run("sudo -u postgres mv $PGDATA.lost $PGDATA && sudo systemctl start postgresql@15-main")
        shop.run(from_dump, **days)
        shop.services.env["DATABASE_URL"] = shop.services.env["DATABASE_URL"].replace("/pelcro?", "/pelcro_restored?")
    shop.run(empty)
    # It exits 1, as differences are left: charges of orders that are gone.
    said = shop.run(f"{compare.strip()} || test $? = 1")
    again = {key for key, count in (shop.sent() - sent).items() if count}
    events = {key for key, count in (shop.told() - told).items() if count}
    found = shop.step("refund_what_is_lost")
    assert found["kinds"] == ["charge_unknown"], said
    shop.run(start, **days)
    shop.step("afterwards", known)
    shop.drain()
    shop.run("pelcro-orders reconcile")

    after = shop.step("books", *found["charges"])
    assert after["differences"] == []
    assert after["problems"] == []
    _assert_no_number_twice(before, after, set(known.values()), said)
    # What was issued is there, byte for byte, and what the database has lost was named.
    assert {name: content for name, content in _documents(shop).items() if name in files} == files
    # An invoice that is here and was not yet paid has got the same file once more.
    again_issued = {_digest(name) for name in after["files"]}
    for name in files.keys() - set(after["files"]):
        assert name in said or _digest(name) in again_issued
    _assert_said(shop, said, again, events)
    shop.run(weekly)


def _documents(shop: Shop) -> dict[str, bytes]:
    folder = shop.home / "app" / "files"
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.glob("documents/**/*.pdf")}


def _digest(name: str) -> str:
    return name.rpartition("-")[2]


def _assert_no_number_twice(before: Json, after: Json, known: set[Any], said: str) -> None:
    """Hold that only orders of the backup have ids and numbers from before."""
    assert {*after["order_ids"]} & {*before["order_ids"]} <= known
    for kind, numbers in before["numbers"].items():
        # Orders and invoices of the backup keep theirs; notes and returns of it there were none.
        of_backup = {"Order": len(after["order_ids"]) - 3, "Invoice": len(after["order_ids"]) - 3}.get(kind, 0)
        assert len({*numbers} & {*after["numbers"][kind]}) == of_backup, said


def _assert_said(shop: Shop, said: str, again: set[str], events: set[str]) -> None:
    """Hold that no more went out a second time than was said beforehand."""
    found = re.search(r"(\d+) mails and (\d+) webhooks wait", said)
    mails, webhooks = map(int, found.groups()) if found else (0, 0)
    twice = [key for key, count in shop.sent().items() if count > 1]
    told_twice = [key for key, count in shop.told().items() if count > 1]
    print(said, twice, told_twice)  # noqa: T201
    assert set(twice) <= again
    assert len(twice) <= mails
    assert set(told_twice) <= events
    assert len(told_twice) <= webhooks
