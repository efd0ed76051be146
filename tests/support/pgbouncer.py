"""PgBouncer in transaction mode before the PostgreSQL of the tests, where it is installed."""

import shutil
from pathlib import Path

import psycopg
import pytest

from backoffice.session_limits import LIMITS
from devserver.postgres import Postgres
from devserver.process import Process, unprivileged_account

PORT = 6432  # which names the socket
PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/bin")
needs_pgbouncer = pytest.mark.skipif(not PROGRAM, reason="needs PgBouncer: apt-get install pgbouncer")
INI = """
[databases]
* = host={sockets} port=5432

[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {sockets}
auth_type = trust
auth_file = {users}
pool_mode = transaction
admin_users = postgres
default_pool_size = {size}
max_client_conn = {clients}
query_wait_timeout = 20
"""


class PgBouncer(Process):
    """Listens in the folder of PostgreSQL's own socket, as what is embedded."""

    def __init__(self, postgres: Postgres, folder: Path, *, size: int = 20, clients: int = 200) -> None:
        self.postgres = postgres
        self.ini, self.users = postgres.sockets / "pgbouncer.ini", postgres.sockets / "pgbouncer-users.txt"
        self.values = {"sockets": postgres.sockets, "port": PORT, "users": self.users, "size": size, "clients": clients}
        super().__init__(
            name="PgBouncer",
            argv=[PROGRAM or "pgbouncer", str(self.ini)],
            log=folder / "pgbouncer.log",
            ready_check=self._answers,
            account=unprivileged_account(),
        )

    def url(self, database: str) -> str:
        return self.postgres.url.replace("port=5432", f"port={PORT}").replace("/pelcro?", f"/{database}?")

    def spawn(self) -> None:
        self.ini.write_text(INI.format(**self.values))
        self.users.write_text('"pelcro" ""\n"postgres" ""\n')
        for path in (self.ini, self.users):
            path.chmod(0o644)
        super().spawn()

    def _answers(self) -> bool:
        try:
            self.console("SHOW VERSION")
        except psycopg.OperationalError:
            return False
        return True

    def console(self, command: str) -> None:
        """Say something at PgBouncer's own console."""
        address = {"host": str(self.postgres.sockets), "port": PORT, "user": "postgres", "dbname": "pgbouncer"}
        with psycopg.connect(**address, autocommit=True) as connection:  # type: ignore[arg-type]
            psycopg.ClientCursor(connection).execute(command)


def limit_role(postgres: Postgres) -> None:
    """Have the sessions of the tests' role begin with the limits, in whichever database."""
    with postgres.connect() as connection:
        for name, value in LIMITS.items():
            connection.execute(f"ALTER ROLE pelcro SET {name} = '{value}'")
