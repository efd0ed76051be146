from collections.abc import Iterator
from pathlib import Path

import pytest
import stripe

from tests.support.fake_stripe_process import FakeStripe


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeStripe]:
    with FakeStripe(tmp_path_factory.mktemp("sandbox") / "stripe.sqlite3") as fake:
        yield fake


@pytest.fixture
def server(started: FakeStripe) -> Iterator[FakeStripe]:
    """A fake Stripe without faults, shared by the tests of one process."""
    yield started
    started.clear()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[FakeStripe]:
    """A fake Stripe for one test alone, which may be stopped and killed."""
    with FakeStripe(tmp_path / "stripe.sqlite3") as fake:
        yield fake


@pytest.fixture
def client(server: FakeStripe) -> stripe.StripeClient:
    return server.client()
