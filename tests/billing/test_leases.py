from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from backoffice import leases
from backoffice.leases import LEASE
from billing import backoffs
from billing.models import WebhookEvent
from tests.support.order_acts import at_once
from tests.support.rows import an_event

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now


def waiting(*seconds: int) -> list[WebhookEvent]:
    """Make events whose next attempt was this many seconds ago."""
    times = [NOW() - timedelta(seconds=ago) for ago in seconds]
    return [an_event(f"evt_{number}", next_attempt_at=time) for number, time in enumerate(times)]


def claim(limit: int = 1) -> list[WebhookEvent]:
    return leases.claim(WebhookEvent.objects.all(), limit=limit)


def test_the_earliest_rows_are_leased_and_no_more_than_the_limit() -> None:
    late, early, middle, ahead = waiting(1, 30, 20, -10)
    assert claim(2) == [early, middle]
    assert claim(2) == [late]
    assert claim(2) == []
    ahead.refresh_from_db()
    assert ahead.attempts == 0


def test_a_leased_row_is_returned_as_it_is_now() -> None:
    waiting(1)
    rows = WebhookEvent.objects.all()
    (event,) = leases.claim(rows, lease=timedelta(seconds=5), error="in progress")
    assert (event.attempts, event.error) == (1, "in progress")
    assert timedelta(seconds=4) < (event.next_attempt_at or NOW()) - NOW() < timedelta(seconds=5)
    assert event.next_attempt_at == rows.get().next_attempt_at


def test_a_row_is_leased_by_one_of_many_workers() -> None:
    waiting(1, 2, 3)

    def work() -> None:
        for event in claim(2):
            with transaction.atomic():
                WebhookEvent.objects.create(stripe_event_id=f"done {event.pk}", next_attempt_at=None, payload={})
        connection.close()

    assert at_once(*[work] * 6) == ["done"] * 6
    assert WebhookEvent.objects.filter(next_attempt_at=None).count() == 3


def test_whoever_lost_the_lease_writes_nothing() -> None:
    waiting(1)
    (slow,) = claim()
    WebhookEvent.objects.update(next_attempt_at=NOW())
    (quick,) = claim()
    assert not leases.release(slow, next_attempt_at=None, error="slow")
    assert not leases.postpone(slow, backoff=backoffs.EVENT, error="slow")
    quick.refresh_from_db()
    assert (quick.error, quick.next_attempt_at is None) == ("", False)
    assert leases.release(quick, next_attempt_at=None)


def test_a_row_that_was_completed_meanwhile_is_not_woken_again() -> None:
    waiting(1)
    (event,) = claim()
    WebhookEvent.objects.update(next_attempt_at=None)
    assert not leases.postpone(event, backoff=backoffs.EVENT)
    leases.wake(WebhookEvent.objects.all())
    assert WebhookEvent.objects.get().next_attempt_at is None


def test_a_planned_attempt_is_brought_forward_and_a_lease_is_not() -> None:
    planned, leased = waiting(-600, 1)
    claim()
    at = NOW()
    assert leases.wake(WebhookEvent.objects.all()) == 1
    planned.refresh_from_db()
    leased.refresh_from_db()
    assert at <= (planned.next_attempt_at or at) <= NOW()
    assert (leased.next_attempt_at or at) > at + LEASE / 2


@pytest.mark.parametrize(
    ("backoff", "attempts", "shortest", "longest"),
    [
        (backoffs.OPERATION, 1, 0, 1),
        (backoffs.OPERATION, 5, 0, 16),
        (backoffs.OPERATION, 5000, 0, 20),
        (backoffs.EVENT, 1, 2, 4),
        (backoffs.EVENT, 5000, 1800, 3600),
    ],
)
def test_waits_double_up_to_the_longest(backoff: leases.Backoff, attempts: int, shortest: int, longest: int) -> None:
    waits = [backoff.wait(attempts).total_seconds() for _ in range(200)]
    assert shortest <= min(waits) < max(waits) <= longest
