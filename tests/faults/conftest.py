"""The project's own programs, run against the database of the tests, so that both books can be read from here."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.db import connection

from devserver import programs
from devserver.process import Process
from devserver.temporary_services import TemporaryServices
from tests.support.services import SERVICES


@dataclass
class House:
    """Web, workers and beat over the services of the tests; each can be killed and started again."""

    stack: TemporaryServices
    folder: Path
    running: list[Process] = field(default_factory=list)
    # What is said to the programs beside that.
    extra: dict[str, str] = field(default_factory=dict)
    # What makes the clock of "web", "worker" or "beat" wrong, from its next start on.
    clocks: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        """Give the environment of a program that works on the database of the tests."""
        name = connection.settings_dict["NAME"]
        database = {"DATABASE_URL": self.stack.env["DATABASE_URL"].replace("/pelcro?", f"/{name}?")}
        return self.stack.env | database | self.extra

    @property
    def base_url(self) -> str:
        """Give the address of the web server."""
        return self.stack.env["BASE_URL"]

    def worker(self, name: str = "worker") -> Process:
        """Start a worker."""
        return self._started(programs.worker(self.env | self.clocks.get("worker", {}), self.folder, name))

    def beat(self) -> Process:
        """Start the clock."""
        return self._started(programs.beat(self.env | self.clocks.get("beat", {}), self.folder))

    def web(self) -> Process:
        """Start the web server, where the fake Stripe sends its webhooks."""
        return self._started(programs.web(self.env | self.clocks.get("web", {}), self.folder, self.stack.port))

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run a command of `manage.py` to its end; give its exit status and what it said."""
        command = programs.manage_command(self.env, self.folder, *arguments)
        self.running.append(command)
        command.spawn()
        assert command.child is not None
        return command.child.wait(300), command.log.read_text(encoding="utf-8")

    def _started(self, program: Process) -> Process:
        self.running.append(program)
        program.start()
        return program

    def stop(self) -> None:
        """End all of it, and have the services answer again, as they do by themselves."""
        for program in self.running:
            program.kill()
        for service in (self.stack.postgres, self.stack.redis, self.stack.fake_stripe):
            if not service.running:
                service.start()
        self.stack.fake_stripe.clear()


@pytest.fixture(params=[13, pytest.param(1, marks=pytest.mark.full)], ids=["some steps", "every step"])
def stride(request: pytest.FixtureRequest) -> int:
    """Give how many steps lie between two crashes."""
    steps: int = request.param
    return steps


@pytest.fixture
def house(pytestconfig: pytest.Config, tmp_path: Path, transactional_db: None) -> Iterator[House]:
    """Give a house whose rooms are still empty."""
    # Tests without a worker leave their messages in the queues that this one's worker reads.
    redis.Redis.from_url(settings.REDIS_URL).flushall()
    house = House(pytestconfig.stash[SERVICES], tmp_path)
    yield house
    house.stop()
