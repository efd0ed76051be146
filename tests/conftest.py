"""What every test may ask for."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pelcro_orders.local.sandbox import Sandbox
from tests.books import differences


@pytest.fixture
def ledger(sandbox: Sandbox) -> Callable[[], dict[str, Any]]:
    """Give Stripe's book of this test alone: the sandbox keeps those of all."""
    before = {each["id"] for book in sandbox.ledger().values() for each in book}

    def since() -> dict[str, Any]:
        return {name: [each for each in book if each["id"] not in before] for name, book in sandbox.ledger().items()}

    return since


@pytest.fixture
def balanced(ledger: Callable[[], dict[str, Any]], transactional_db: None) -> Iterator[Callable[[], None]]:
    """Give a check that both books agree; it runs once more at the end of the test."""

    def check() -> None:
        assert differences(ledger()) == []

    yield check
    check()
