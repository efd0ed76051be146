import logging
from collections.abc import Iterator

import pytest
from django.db import transaction

from backoffice.enqueue import enqueue_on_commit
from billing.models import WebhookEvent
from billing.tasks import process_event
from tests.support.services import SERVICES


@pytest.fixture
def no_redis(pytestconfig: pytest.Config) -> Iterator[None]:
    redis = pytestconfig.stash[SERVICES].redis
    redis.stop()
    yield
    redis.start()


def test_a_bell_that_nobody_hears_is_logged_and_stops_nothing(
    no_redis: None, transactional_db: None, caplog: pytest.LogCaptureFixture
) -> None:
    with transaction.atomic():
        event = WebhookEvent.objects.create(stripe_event_id="evt_1", type="refund.updated", payload={})
        enqueue_on_commit(process_event, event_id=event.pk)
    assert [(each.name, each.levelno) for each in caplog.records] == [("django.db.backends.base", logging.ERROR)]
    assert WebhookEvent.objects.get() == event
