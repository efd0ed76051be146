"""Empty services for tests and benchmarks, removed at the end.

    with TemporaryServices(folder) as services:
        services.migrate()
        web, worker = services.web(), services.worker()
        services.redis.kill()
        services.redis.start()

`services.env` is the environment of everything that uses these services.
"""

import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from devserver import fake_stripe_server, programs, run_files
from devserver.fake_stripe_server import FakeStripeServer
from devserver.postgres import TEST_SETTINGS, Postgres
from devserver.private_folders import ensure_private
from devserver.process import Process, unprivileged_account
from devserver.valkey import Valkey


class TemporaryServices:
    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        # The path of a socket has 107 bytes at most, and a test's folder may be longer.
        self.sockets = ensure_private(
            Path(tempfile.mkdtemp(prefix="pelcro-isolated-", dir="/tmp")), unprivileged_account()
        )
        self.port = programs.free_port()
        self.postgres = Postgres(
            folder / "postgres",
            self.sockets,
            programs.log_folder(folder) / "postgres.log",
            {} if durable else TEST_SETTINGS,
        )
        self.redis = Valkey(folder / "redis", self.sockets, programs.log_folder(folder) / "redis.log")
        self.env = self._environment()
        self.fake_stripe = FakeStripeServer(self.env, folder, self.port, refund_delay=1)
        self.programs: list[Process] = []

    def _environment(self) -> dict[str, str]:
        environment = run_files.without_project_variables(run_files.child_environment(self.folder, {}))
        return environment | {
            **fake_stripe_server.environment(programs.free_port()),
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "SECRET_KEY": "a-key-of-tests-alone-that-guards-nothing-0123456789",
            "VAR_DIR": str(self.folder),
            "PORT": str(self.port),
            "BASE_URL": f"http://{programs.LOOPBACK}:{self.port}",
        }

    def __enter__(self) -> Self:
        try:
            for server in (self.postgres, self.redis, self.fake_stripe):
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
        # Servers last: PostgreSQL waits for its clients.
        for program in self.programs:
            program.send_stop_signal()
        for process in (*reversed(self.programs), self.fake_stripe, self.redis, self.postgres):
            process.stop()
        shutil.rmtree(self.sockets, ignore_errors=True)

    def migrate(self) -> None:
        self.manage("migrate", "--verbosity", "0")

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py and return its output; raise DevServerError where it fails."""
        command = self._add(programs.manage_command(self.env, self.folder, *arguments))
        command.spawn()
        command.check_succeeded()
        return command.log.read_text(encoding="utf-8")

    def web(self) -> Process:
        return self._started(programs.web(self.env, self.folder, self.port))

    def worker(self, name: str = "worker") -> Process:
        return self._started(programs.worker(self.env, self.folder, name))

    def beat(self) -> Process:
        return self._started(programs.beat(self.env, self.folder))

    def _started(self, program: Process) -> Process:
        self._add(program).start()
        return program

    def _add(self, program: Process) -> Process:
        self.programs.append(program)
        return program


def replace_environment(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
