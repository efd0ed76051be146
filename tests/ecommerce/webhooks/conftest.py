from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from ecommerce.models import Order
from ecommerce.webhooks.sender import Sender
from tests.support.factories import make_customer, make_sku
from tests.support.rows import a_paid_order
from tests.support.webhook_receiver import Receiver, webhook_receiver


@pytest.fixture
def loopback_allowed(settings: Any) -> None:
    """Have endpoints on this machine called."""
    settings.WEBHOOK_PRIVATE_ADDRESSES = [ip_network("127.0.0.0/8")]


@pytest.fixture
def receiver(loopback_allowed: None) -> Iterator[Receiver]:
    """Give the endpoints of other systems."""
    with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
def sender() -> Iterator[Sender]:
    """Give a sender whose queries are made by whoever calls it."""
    sender = Sender()
    yield sender
    sender.close()


@pytest.fixture
def order(db: None) -> Order:
    """Give an order that things happen to."""
    return a_paid_order(make_customer(), make_sku())
