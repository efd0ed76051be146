from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from tests.sandbox_process import Sandbox


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox") / "stripe.sqlite3") as sandbox:
        yield sandbox


@pytest.fixture
def stand_in(started: Sandbox) -> Iterator[Sandbox]:
    """A sandbox that behaves, shared by the tests of one process."""
    yield started
    started.clear()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox for one test alone, which may be stopped and killed."""
    with Sandbox(tmp_path / "stripe.sqlite3") as sandbox:
        yield sandbox


@pytest.fixture
def client(stand_in: Sandbox) -> stripe.StripeClient:
    return stand_in.client()
