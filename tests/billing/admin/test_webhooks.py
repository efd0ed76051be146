from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import WebhookEvent
from tests.support.forms import sentences
from tests.support.rows import an_event

LIST = "/admin/billing/webhookevent/"


@pytest.fixture
def manager(as_role: Callable[[str], Client]) -> Client:
    return as_role("Manager")


def test_the_inbox(manager: Client) -> None:
    an_event()
    an_event(
        "evt_2",
        type="charge.dispute.created",
        processed_at=None,
        next_attempt_at=timezone.now(),
        error="Stripe did not answer.",
    )

    page = sentences(manager.get(LIST))

    assert "All 2 Waiting 1 With an error 1" in page
    assert "evt_2 charge.dispute.created Failed, is tried again Stripe did not answer." in page
    assert "evt_1 refund.updated Processed" in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [("next_attempt_at__isnull=0", "evt_2"), ("error__gt=", "evt_2"), ("q=evt_1", "evt_1"), ("q=charge.disp", "evt_2")],
)
def test_tabs_and_search_narrow(manager: Client, query: str, shown: str) -> None:
    an_event()
    an_event("evt_2", type="charge.dispute.created", processed_at=None, next_attempt_at=timezone.now(), error="x")

    events = manager.get(f"{LIST}?{query}").context["cl"].result_list

    assert [each.stripe_event_id for each in events] == [shown]


def test_the_payload_is_readable_text(manager: Client) -> None:
    event = an_event(payload={"data": {"name": "<script>alert(1)</script> É"}})

    page = manager.get(f"{LIST}{event.pk}/change/").content.decode()

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page
    assert " É" in page


def test_an_event_is_made_due_again(manager: Client) -> None:
    event = an_event(error="x", attempts=9)

    answer = manager.post(f"{LIST}{event.pk}/again/", follow=True)

    event.refresh_from_db()
    assert "to be processed again within seconds: 1." in sentences(answer)
    assert event.processed_at is None
    assert event.next_attempt_at is not None
    assert event.attempts == 0


def test_many_events_at_once(manager: Client) -> None:
    events = [an_event(f"evt_{number}") for number in range(3)]

    manager.post(LIST, {"action": "process_again", "_selected_action": [each.pk for each in events[:2]]})

    assert WebhookEvent.objects.filter(next_attempt_at__isnull=False).count() == 2


def test_a_link_alone_does_nothing(manager: Client) -> None:
    event = an_event()

    assert manager.get(f"{LIST}{event.pk}/again/").status_code == 405
    assert WebhookEvent.objects.get().next_attempt_at is None
