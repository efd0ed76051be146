"""The project's own programs, run against the database of the tests, so that both books can be read from here."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.db import connection

from pelcro_orders.local import programs
from pelcro_orders.local.process import Process
from pelcro_orders.local.stack import Stack
from tests.services import STACK


@dataclass
class House:
    """Web, workers and beat over the services of the tests; each can be killed and started again."""

    stack: Stack
    folder: Path
    running: list[Process] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """Give the environment of a program that works on the database of the tests."""
        name = connection.settings_dict["NAME"]
        return self.stack.env | {"DATABASE_URL": self.stack.postgres.url.replace("/pelcro?", f"/{name}?")}

    def worker(self, name: str = "worker") -> Process:
        """Start a worker."""
        return self._started(programs.worker(self.env, self.folder, name))

    def beat(self) -> Process:
        """Start the clock."""
        return self._started(programs.beat(self.env, self.folder))

    def web(self) -> Process:
        """Start the web server, where the sandbox sends its webhooks."""
        return self._started(programs.web(self.env, self.folder, self.stack.port))

    def _started(self, program: Process) -> Process:
        self.running.append(program)
        program.start()
        return program

    def stop(self) -> None:
        """End all of it, and have the services answer again."""
        for program in self.running:
            program.kill()
        for service in (self.stack.postgres, self.stack.redis, self.stack.sandbox):
            if not service.running:
                service.start()


@pytest.fixture
def house(pytestconfig: pytest.Config, tmp_path: Path, transactional_db: None) -> Iterator[House]:
    """Give a house whose rooms are still empty."""
    house = House(pytestconfig.stash[STACK], tmp_path)
    yield house
    house.stop()
