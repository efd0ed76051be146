from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from tests.support.fake_stripe_process import FakeStripe


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeStripe]:
    with FakeStripe(tmp_path_factory.mktemp("sandbox") / "stripe.sqlite3") as sandbox:
        yield sandbox


@pytest.fixture
def stand_in(started: FakeStripe) -> Iterator[FakeStripe]:
    """A sandbox that behaves, shared by the tests of one process."""
    yield started
    started.clear()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[FakeStripe]:
    """A sandbox for one test alone, which may be stopped and killed."""
    with FakeStripe(tmp_path / "stripe.sqlite3") as sandbox:
        yield sandbox


@pytest.fixture
def client(stand_in: FakeStripe) -> stripe.StripeClient:
    return stand_in.client()
