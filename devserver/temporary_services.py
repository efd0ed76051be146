"""Services of one's own, begun empty and taken away at the end: for tests and benchmarks.

    with Stack(folder) as stack:
        stack.migrate()
        web, worker = stack.web(), stack.worker()
        stack.redis.kill()
        stack.redis.start()

`stack.env` is the environment of everything that speaks to these services.
"""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from devserver import fake_stripe_server, programs, run_files
from devserver.fake_stripe_server import FakeStripeServer
from devserver.postgres import FOR_TESTS, Postgres
from devserver.private_folders import private
from devserver.process import Process, unprivileged
from devserver.valkey import Valkey


class Stack:
    """PostgreSQL, Redis and the Stripe sandbox, and on demand web, worker and beat, apart from all others."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        # A socket's path is short at most, and a test's folder is long.
        self.sockets = private(Path(tempfile.mkdtemp(prefix="pelcro-apart-", dir="/tmp")), unprivileged())
        self.port = programs.free_port()
        self.postgres = Postgres(
            folder / "postgres", self.sockets, programs.logs(folder) / "postgres.log", {} if durable else FOR_TESTS
        )
        self.redis = Valkey(folder / "redis", self.sockets, programs.logs(folder) / "redis.log")
        self.env = self._environment()
        self.sandbox = FakeStripeServer(self.env, folder, self.port, refund_delay=1)
        self.programs: list[Process] = []

    def _environment(self) -> dict[str, str]:
        variables = run_files.without_ours(run_files.surroundings(self.folder, {}))
        return variables | {
            **fake_stripe_server.variables(programs.free_port()),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "SECRET_KEY": "a-key-of-tests-alone-that-guards-nothing-0123456789",
            "VAR_DIR": str(self.folder),
            "PORT": str(self.port),
            "BASE_URL": f"http://{programs.LOOPBACK}:{self.port}",
        }

    def __enter__(self) -> Self:
        try:
            for server in (self.postgres, self.redis, self.sandbox):
                server.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End all of it: whoever asks first, whoever answers last."""
        for program in self.programs:
            program.ask_to_stop()
        for process in (*reversed(self.programs), self.sandbox, self.redis, self.postgres):
            process.stop()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def migrate(self) -> None:
        """Bring the database up to date."""
        self.manage("migrate", "--verbosity", "0")

    def manage(self, *arguments: str) -> str:
        """Run a command of `manage.py` to its end and give what it printed; it must not fail."""
        command = self._kept(programs.command(self.env, self.folder, *arguments))
        command.spawn()
        command.must_have_worked()
        return command.log.read_text(encoding="utf-8")

    def web(self) -> Process:
        """Start the web server on `stack.port`; its address is `stack.env["BASE_URL"]`."""
        return self._started(programs.web(self.env, self.folder, self.port))

    def worker(self, name: str = "worker") -> Process:
        """Start a worker."""
        return self._started(programs.worker(self.env, self.folder, name))

    def beat(self) -> Process:
        """Start the clock."""
        return self._started(programs.beat(self.env, self.folder))

    def _started(self, program: Process) -> Process:
        self._kept(program).start()
        return program

    def _kept(self, program: Process) -> Process:
        self.programs.append(program)
        return program


def become_environment(variables: dict[str, str]) -> None:
    """Make an environment that of this very process."""
    os.environ.clear()
    os.environ.update(variables)
