from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from backoffice.models import Activity
from ecommerce.models import WebhookDelivery, WebhookEndpoint
from ecommerce.webhooks.events import EVENT_TYPES
from ecommerce.webhooks.words import WORDS
from tests.support.factories import make_customer
from tests.support.forms import filled_in, sentences

pytestmark = pytest.mark.django_db
LIST = "/admin/ecommerce/webhookendpoint/"
ADDRESS = "https://203.0.113.7/hooks"


@pytest.fixture
def manager(as_role: Callable[[str], Client]) -> Client:
    return as_role("Manager")


@pytest.fixture
def endpoint(db: None) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(url=ADDRESS, description="ERP")


@pytest.fixture(autouse=True)
def _documentation_addresses_are_called(settings: Any) -> None:
    """An address that needs no name server, and that nobody has."""
    settings.WEBHOOK_PRIVATE_ADDRESSES = [ip_network("203.0.113.0/24")]


def page_of(endpoint: WebhookEndpoint, act: str = "change") -> str:
    return f"{LIST}{endpoint.pk}/{act}/"


def typed(browser: Client, **fields: Any) -> dict[str, Any]:
    return filled_in(browser.get(f"{LIST}add/")) | {"url": ADDRESS} | fields


def delivery(endpoint: WebhookEndpoint, **fields: Any) -> WebhookDelivery:
    known: dict[str, Any] = {
        "event_id": f"evt_{WebhookDelivery.objects.count()}",
        "type": "order.updated",
        "object_type": "order",
        "object_id": 1,
        "stream": "order-1",
        "sequence": 1,
        "triggered_from": "staff",
        "status": "delivered",
        "next_attempt_at": None,
    }
    return WebhookDelivery.objects.create(endpoint=endpoint, **(known | fields))


def test_a_new_endpoint_shows_its_secret_once(manager: Client) -> None:
    page = manager.post(f"{LIST}add/", typed(manager, event_types=["order.created", "stock.low"]))
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.event_types == ["order.created", "stock.low"]
    assert f'value="{endpoint.secret}"' in page.content.decode()
    for address in (page_of(endpoint), LIST, "/admin/activity/"):
        assert endpoint.secret not in manager.get(address, follow=True).content.decode()
    (told,) = Activity.objects.filter(object_type="ecommerce.webhookendpoint")
    assert endpoint.secret not in str(told.changes)


def test_all_events_are_those_of_later_too(manager: Client) -> None:
    manager.post(f"{LIST}add/", typed(manager, every_event="on", event_types=["stock.low"]))
    endpoint = WebhookEndpoint.objects.get()
    assert endpoint.event_types == []
    form = filled_in(manager.get(page_of(endpoint)))
    assert (form["every_event"], "event_types" in form) == (["on"], False)
    manager.post(page_of(endpoint), form | {"every_event": [], "event_types": [*EVENT_TYPES][:3]})
    endpoint.refresh_from_db()
    assert endpoint.event_types == [*EVENT_TYPES][:3]


def test_every_event_has_its_box_and_its_words(manager: Client) -> None:
    page = sentences(manager.get(f"{LIST}add/"))
    assert {*WORDS} == {*EVENT_TYPES}
    for name, words in WORDS.items():
        assert f"{name} {words}" in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"url": "http://127.0.0.1:8090/"}, "is inside a private network, which is not called."),
        ({"url": "https://user:secret@203.0.113.7/"}, "Leave user name and password out"),
        ({"url": "ftp://203.0.113.7/"}, "Write an address that begins with https:// or http://"),
        ({"event_types": []}, "Tick the events that it is to get, or all events."),
    ],
)
def test_what_is_refused_says_why(manager: Client, fields: dict[str, Any], sentence: str) -> None:
    page = manager.post(f"{LIST}add/", typed(manager, **({"event_types": ["stock.low"]} | fields)))
    assert sentence in sentences(page)
    assert not WebhookEndpoint.objects.exists()


def test_a_rotated_secret_is_shown_once_and_the_former_one_signs_for_a_day(
    manager: Client, endpoint: WebhookEndpoint
) -> None:
    former = endpoint.secret
    assert "It gets a new secret" in sentences(manager.get(page_of(endpoint, "rotate")))
    page = manager.post(page_of(endpoint, "rotate"))
    endpoint.refresh_from_db()
    assert f'value="{endpoint.secret}"' in page.content.decode()
    assert (endpoint.previous_secret, endpoint.secret != former) == (former, True)
    assert endpoint.previous_secret_until
    assert timedelta(hours=23) < endpoint.previous_secret_until - timezone.now() <= timedelta(days=1)
    shown = manager.get(page_of(endpoint))
    assert "Events are signed with the former secret, too, until" in sentences(shown)
    assert not {former, endpoint.secret} & set(shown.content.decode().split('"'))
    changes = Activity.objects.filter(object_type="ecommerce.webhookendpoint", act="changed").latest("pk").changes
    assert changes == {"secret": [None, True]}


def test_an_endpoint_that_is_off_says_why_and_is_switched_on(manager: Client, endpoint: WebhookEndpoint) -> None:
    why = "No event has reached it for a day. It answered 500."
    WebhookEndpoint.objects.update(active=False, switched_off_at=timezone.now(), switched_off_reason=why)
    waiting = delivery(endpoint, status="queued", next_attempt_at=timezone.now())
    shown = sentences(manager.get(page_of(endpoint)))
    assert why in shown
    assert "Switch on and send what waits (1)" in shown
    dashboard = sentences(manager.get("/admin/"))
    assert f"Webhook endpoint ERP is off: {why}" in dashboard
    manager.post(page_of(endpoint, "on"), {"waiting": "leave"})
    endpoint.refresh_from_db()
    waiting.refresh_from_db()
    assert (endpoint.active, endpoint.switched_off_reason, waiting.status) == (True, "", "canceled")
    assert "Webhook endpoint ERP" not in sentences(manager.get("/admin/"))


def test_an_endpoint_is_switched_off_by_hand(manager: Client, endpoint: WebhookEndpoint) -> None:
    page = manager.post(page_of(endpoint, "off"), follow=True)
    endpoint.refresh_from_db()
    assert not endpoint.active
    assert "Switched off by manager." in sentences(page)


def test_its_page_says_how_it_fares(manager: Client, endpoint: WebhookEndpoint) -> None:
    WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(hours=1), failures=7)
    delivery(endpoint, delivered_at=timezone.now() - timedelta(days=2))
    delivery(endpoint, status="queued", next_attempt_at=timezone.now())
    shown = sentences(manager.get(page_of(endpoint)))
    assert "7 attempts failed in a row." in shown
    assert "Waiting 1" in shown
    assert "Failing" in sentences(manager.get(LIST))
    assert "1 is off or failing" in sentences(manager.get("/admin/settings/"))


def test_a_test_event_shows_its_outcome(manager: Client, endpoint: WebhookEndpoint) -> None:
    page = sentences(manager.post(page_of(endpoint, "test"), follow=True))
    assert "It is being sent." in page
    (test,) = endpoint.deliveries.all()
    assert (test.type, test.status) == ("webhook.test", "queued")
    WebhookDelivery.objects.update(attempts=1)  # under way
    assert "It is being sent." in sentences(manager.get(page_of(endpoint, "test")))
    WebhookDelivery.objects.update(error="It answered 500 Internal Server Error.")
    failed = "Failed It answered 500 Internal Server Error. It is tried again."
    assert failed in sentences(manager.get(page_of(endpoint)))
    WebhookDelivery.objects.update(
        status="delivered", next_attempt_at=None, delivered_at=timezone.now(), response_status=204, duration_ms=31
    )
    assert "Delivered It answered 204 within 31 ms." in sentences(manager.get(page_of(endpoint, "test")))
    assert "Delivered It answered 204 within 31 ms." in sentences(manager.get(page_of(endpoint)))


def test_all_since_is_sent_again(manager: Client, endpoint: WebhookEndpoint) -> None:
    now = timezone.now()
    old = delivery(endpoint, created_at=now - timedelta(days=3))
    late = [delivery(endpoint, created_at=now - timedelta(hours=hours), sequence=hours) for hours in (5, 2)]
    since = timezone.localtime(now - timedelta(days=1))
    asked = {"since_0": f"{since:%Y-%m-%d}", "since_1": f"{since:%H:%M:%S}"}
    assert "in its order" in sentences(manager.get(page_of(endpoint, "since")))
    assert "2 events are sent again." in sentences(manager.post(page_of(endpoint, "since"), asked, follow=True))
    queued = WebhookDelivery.objects.filter(status="queued").values_list("pk", flat=True)
    assert (set(queued), old.pk in queued) == ({each.pk for each in late}, False)
    assert "Nothing was sent to it since then." in sentences(
        manager.post(page_of(endpoint, "since"), asked, follow=True)
    )


def test_who_may_see_orders_alone_sees_none_of_it(as_role: Callable[[str], Client], endpoint: WebhookEndpoint) -> None:
    one = delivery(endpoint)
    for role in ("Support", "Finance", "Fulfillment", "Viewer"):
        browser = as_role(role)
        for address in (LIST, page_of(endpoint), page_of(endpoint, "rotate"), page_of(endpoint, "since"),
                        page_of(endpoint, "test"), "/admin/ecommerce/webhookdelivery/",
                        f"/admin/ecommerce/webhookdelivery/{one.pk}/change/"):  # fmt: skip
            assert browser.get(address).status_code == 403, (role, address)
        for act in ("rotate", "on", "off", "test", "since"):
            assert browser.post(page_of(endpoint, act)).status_code == 403, (role, act)
        assert "Webhooks out" not in sentences(browser.get("/admin/"))


def test_an_endpoint_is_deleted_with_what_waits_for_it(manager: Client, endpoint: WebhookEndpoint) -> None:
    delivery(endpoint)
    manager.post(page_of(endpoint, "delete"), {"post": "yes"})
    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()
    make_customer()
    assert not WebhookDelivery.objects.exists()


def test_a_test_event_does_not_wait_for_the_next_attempt(manager: Client, endpoint: WebhookEndpoint) -> None:
    later = timezone.now() + timedelta(minutes=5)
    WebhookEndpoint.objects.update(failing_since=timezone.now(), failures=9, retry_at=later)
    manager.post(page_of(endpoint, "test"))
    endpoint.refresh_from_db()
    assert endpoint.retry_at
    assert endpoint.retry_at < later - timedelta(minutes=4)
