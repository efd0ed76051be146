"""Events on their way to endpoints of several tempers, over real sockets."""

import hashlib
import hmac
import threading
import time
from base64 import b64encode
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection, transaction
from django.db.models.functions import Now
from standardwebhooks import Webhook, WebhookVerificationError

from ecommerce.models import Order, WebhookDelivery, WebhookEndpoint
from ecommerce.webhooks import endpoints, payloads, queue, request
from ecommerce.webhooks.sender import PER_ENDPOINT, Sender
from tests.support.factories import make_customer, make_sku, make_user
from tests.support.mailbox import deliver
from tests.support.rows import a_paid_order, sku_of
from tests.support.webhook_receiver import Receiver, end_waits, happen, make_endpoint, statuses

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "TOTAL_SECONDS", 0.4)
    monkeypatch.setattr(request, "BODY_SECONDS", 0.2)


def delivery_of(endpoint: WebhookEndpoint) -> WebhookDelivery:
    return endpoint.deliveries.get()


def test_an_event_arrives_as_both_standards_want_it(receiver: Receiver, sender: Sender, order: Order) -> None:
    endpoint = make_endpoint(receiver.url("/ok"))
    happen(order, "fulfilled")
    sender.drain()

    (got,) = receiver.got
    delivery = delivery_of(endpoint)
    event = Webhook(endpoint.secret).verify(got.body, got.headers)
    assert (event["type"], event["id"], event["sequence"]) == (
        "order.fulfilled",
        got.headers["webhook-id"],
        order.events.latest("pk").pk,
    )
    assert (event["triggered_from"], event["created"]) == ("staff", int(delivery.created_at.timestamp()))
    assert event["data"]["object"]["id"] == order.pk
    pelcro = b64encode(hmac.new(endpoint.secret.encode(), got.body, hashlib.sha256).digest()).decode()
    assert got.headers["x-pelcro-hmac-sha256"] == pelcro
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(got.body.replace(b"fulfilled", b"forgotten"), got.headers)
    assert (delivery.status, delivery.response_status, delivery.response_body) == ("delivered", 200, "thanks")
    assert (delivery.payload.encode(), delivery.delivered_at is not None) == (got.body, True)


def test_while_a_secret_rotates_both_verify(receiver: Receiver, sender: Sender, order: Order) -> None:
    endpoint = make_endpoint(receiver.url("/ok"))
    new = endpoints.rotate_secret(endpoint_id=endpoint.pk, keep=DAY)
    happen(order, "held")
    sender.drain()
    for secret in (endpoint.secret, new):
        Webhook(secret).verify(receiver.got[0].body, receiver.got[0].headers)

    endpoints.end_previous_secret(endpoint_id=endpoint.pk)
    happen(order, "released")
    sender.drain()
    Webhook(new).verify(receiver.got[1].body, receiver.got[1].headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(receiver.got[1].body, receiver.got[1].headers)


def test_a_retry_has_the_same_id_and_bytes(receiver: Receiver, sender: Sender, order: Order) -> None:
    endpoint = make_endpoint(receiver.url("/recovering"))
    happen(order, "fulfilled")
    sender.drain()
    failed = delivery_of(endpoint)
    assert (failed.status, failed.response_status, failed.error) == (
        "queued",
        500,
        "It answered 500 Internal Server Error.",
    )
    assert failed.next_attempt_at is not None
    assert 4 < (failed.next_attempt_at - failed.queued_at).total_seconds() < 12

    Order.objects.filter(pk=order.pk).update(attention="Changed since.")
    end_waits()
    sender.drain()
    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body)
    endpoint.refresh_from_db()
    assert (statuses(endpoint), endpoint.failing_since, endpoint.failures) == (["delivered"], None, 0)


def test_all_endpoints_get_the_same_bytes(receiver: Receiver, sender: Sender, order: Order) -> None:
    make_endpoint(receiver.url("/ok/1"))
    make_endpoint(receiver.url("/ok/2"))
    happen(order, "fulfilled")
    sender.drain()
    assert receiver.at("/ok/1")[0].body == receiver.at("/ok/2")[0].body
    assert receiver.at("/ok/1")[0].id == receiver.at("/ok/2")[0].id


def test_events_of_an_order_arrive_in_order_and_wait_for_an_earlier_one(
    receiver: Receiver, sender: Sender, order: Order
) -> None:
    endpoint = make_endpoint(receiver.url("/recovering"))
    other = a_paid_order(order.customer, sku_of(order))
    endpoint.deliveries.all().delete()
    happen(order, "held", "released", "partly_fulfilled", "fulfilled")
    sender.drain()
    assert statuses(endpoint) == ["queued"] * 4
    happen(other, "fulfilled")
    sender.drain()
    assert statuses(endpoint) == [*["queued"] * 4, "delivered"]
    end_waits()
    sender.drain()
    assert statuses(endpoint) == ["delivered"] * 5
    of_order = [got.event for got in receiver.got if got.event["data"]["object"]["id"] == order.pk]
    assert [event["type"] for event in of_order[1:]] == [
        "order.updated",
        "order.updated",
        "order.partially_fulfilled",
        "order.fulfilled",
    ]
    assert sorted({event["sequence"] for event in of_order}) == [event["sequence"] for event in of_order[1:]]


def test_a_redirect_is_not_followed(receiver: Receiver, sender: Sender, order: Order) -> None:
    endpoint = make_endpoint(receiver.url("/redirect"))
    happen(order, "fulfilled")
    sender.drain()
    assert [got.path for got in receiver.got] == ["/redirect"]
    assert (statuses(endpoint), delivery_of(endpoint).response_status) == (["queued"], 302)
    assert receiver.url("/ok/elsewhere") in delivery_of(endpoint).error


@pytest.mark.parametrize(
    ("temper", "error"),
    [
        ("/hang", "It did not answer within"),
        ("/drip", "It did not answer within"),
        ("/early", "It could not be reached"),
        ("/nonsense", "It could not be reached"),
    ],
)
def test_no_proper_answer_is_tried_again(
    receiver: Receiver, sender: Sender, order: Order, impatient: None, temper: str, error: str
) -> None:
    endpoint = make_endpoint(receiver.url(temper))
    happen(order, "fulfilled")
    began = time.monotonic()
    sender.drain()
    assert time.monotonic() - began < 8
    delivery = delivery_of(endpoint)
    assert (delivery.status, delivery.response_status) == ("queued", None)
    assert error in delivery.error
    endpoint.refresh_from_db()
    assert endpoint.retry_at is not None


@pytest.mark.parametrize(
    ("temper", "body"), [("/huge", "huge" * 512), ("/drip-body", "drop"), ("/nul", "a\N{REPLACEMENT CHARACTER}b")]
)
def test_of_any_answer_the_beginning_is_kept(
    receiver: Receiver, sender: Sender, order: Order, impatient: None, temper: str, body: str
) -> None:
    endpoint = make_endpoint(receiver.url(temper))
    happen(order, "fulfilled")
    sender.drain()
    delivery = delivery_of(endpoint)
    assert delivery.status == "delivered"
    assert delivery.response_body.startswith(body)
    assert len(delivery.response_body) <= 2048


def test_nobody_listens(sender: Sender, order: Order, loopback_allowed: None) -> None:
    endpoint = make_endpoint("http://127.0.0.1:1025/hooks")
    happen(order, "fulfilled")
    sender.drain()
    assert "It could not be reached" in delivery_of(endpoint).error


@pytest.mark.parametrize(("temper", "minutes"), [("/busy", 30), ("/busy-for-days", 60)])
def test_retry_after_is_respected_within_bounds(
    receiver: Receiver, sender: Sender, order: Order, temper: str, minutes: int
) -> None:
    endpoint = make_endpoint(receiver.url(temper))
    happen(order, "fulfilled")
    sender.drain()
    endpoint.refresh_from_db()
    delivery = delivery_of(endpoint)
    for at in (endpoint.retry_at, delivery.next_attempt_at):
        assert at is not None
        assert abs(at - delivery.created_at - timedelta(minutes=minutes)) < timedelta(seconds=20)


def test_gone_switches_an_endpoint_off(receiver: Receiver, sender: Sender, order: Order) -> None:
    endpoint = make_endpoint(receiver.url("/gone"), owner_email="dev@example.com", description="ERP")
    happen(order, "fulfilled", "held")
    sender.drain()
    end_waits()
    sender.drain()
    endpoint.refresh_from_db()
    assert (endpoint.active, endpoint.switched_off_reason) == (False, "It answered 410 Gone: it wants no more events.")
    assert (len(receiver.got), statuses(endpoint)) == (1, ["queued", "queued"])
    deliver()
    (told,) = mail.outbox
    assert (told.to, told.subject) == (["dev@example.com"], "The webhook endpoint ERP was switched off")
    assert f"/admin/ecommerce/webhookendpoint/{endpoint.pk}/change/" in told.body


@pytest.mark.parametrize(("replay", "after"), [(True, "delivered"), (False, "canceled")])
def test_an_endpoint_that_is_switched_on_again_gets_what_it_missed_or_goes_on(
    receiver: Receiver, sender: Sender, order: Order, *, replay: bool, after: str
) -> None:
    endpoint = make_endpoint(receiver.url("/ok"))
    endpoints.switch_off(endpoint_id=endpoint.pk, reason="Moving to another server.")
    happen(order, "held", "released")
    sender.drain()
    assert receiver.got == []
    assert endpoints.switch_on(endpoint_id=endpoint.pk, replay=replay) == 2
    happen(order, "fulfilled")
    sender.drain()
    assert statuses(endpoint) == [after, after, "delivered"]


def test_an_endpoint_that_is_dead_for_a_day_is_switched_off_and_its_owner_told(
    receiver: Receiver, sender: Sender, order: Order
) -> None:
    owner = make_user("olga", email="olga@example.com")
    endpoint = make_endpoint(receiver.url("/broken"), owner=owner)
    happen(order, "fulfilled")
    sender.drain()
    endpoint.refresh_from_db()
    assert endpoint.active
    WebhookEndpoint.objects.update(failing_since=Now() - DAY - timedelta(minutes=1))
    end_waits()
    sender.drain()
    endpoint.refresh_from_db()
    assert not endpoint.active
    assert "No event has reached it for a day. It answered 500" in endpoint.switched_off_reason
    deliver()
    assert [told.to for told in mail.outbox] == [["olga@example.com"]]


def test_where_nobody_is_named_the_superusers_are_told(receiver: Receiver, sender: Sender, order: Order) -> None:
    make_user("root", email="root@example.com", is_superuser=True)
    make_endpoint(receiver.url("/gone"))
    happen(order, "fulfilled")
    sender.drain()
    deliver()
    assert [told.to for told in mail.outbox] == [["root@example.com"]]


def test_an_event_is_given_up_after_three_days_and_the_next_one_follows(
    receiver: Receiver, sender: Sender, order: Order
) -> None:
    endpoint = make_endpoint(receiver.url("/broken"))
    happen(order, "held", "released")
    sender.drain()
    WebhookDelivery.objects.filter(sequence=order.events.get(kind="held").pk).update(
        queued_at=Now() - 3 * DAY - timedelta(minutes=1)
    )
    end_waits()
    sender.drain()
    assert statuses(endpoint) == ["failed", "queued"]
    assert "Given up after three days. It answered 500" in endpoint.deliveries.earliest("pk").error
    assert len(receiver.got) == 3


def test_a_dead_endpoint_delays_no_other(receiver: Receiver, sender: Sender, order: Order) -> None:
    make_endpoint(receiver.url("/hang"))
    working = [make_endpoint(receiver.url(f"/ok/{number}")) for number in range(3)]
    for _ in range(8):
        happen(a_paid_order(order.customer, sku_of(order)), "fulfilled")
    began = time.monotonic()
    while WebhookDelivery.objects.filter(endpoint__in=working).exclude(status="delivered").exists():
        sender.work()
        assert time.monotonic() - began < request.TOTAL_SECONDS / 2
    assert receiver.most_at_once["/hang"] == PER_ENDPOINT
    assert all(receiver.most_at_once[f"/ok/{number}"] <= PER_ENDPOINT for number in range(3))


def test_an_endpoint_that_fails_is_asked_by_one_attempt_until_it_works(
    receiver: Receiver, sender: Sender, order: Order
) -> None:
    endpoint = make_endpoint(receiver.url("/broken"))
    for _ in range(12):
        happen(a_paid_order(order.customer, sku_of(order)), "fulfilled")
    sender.drain()
    failed = len(receiver.got)
    assert failed <= queue.FAILURES_IN_A_ROW + PER_ENDPOINT
    for _ in range(2):
        WebhookEndpoint.objects.update(retry_at=Now())
        sender.drain()
    assert len(receiver.got) == failed + 2

    WebhookEndpoint.objects.update(url=receiver.url("/ok"), retry_at=Now())
    WebhookDelivery.objects.exclude(attempts=0).update(next_attempt_at=Now() + timedelta(hours=2))
    sender.drain()
    assert set(statuses(endpoint)) == {"delivered"}


def test_an_event_whose_object_is_gone_is_canceled(receiver: Receiver, sender: Sender, order: Order) -> None:
    endpoint = make_endpoint(receiver.url("/ok"))
    happen(order, "fulfilled")
    endpoint.deliveries.update(object_id=order.pk + 1000)
    sender.drain()
    assert (statuses(endpoint), receiver.got) == (["canceled"], [])


def test_a_payload_that_cannot_be_made_is_tried_again(
    receiver: Receiver, sender: Sender, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = make_endpoint(receiver.url("/ok"))
    happen(order, "fulfilled")
    endpoint.deliveries.update(object_type="unicorn")
    sender.drain()
    assert delivery_of(endpoint).error == "Its content could not be made: KeyError."
    endpoint.refresh_from_db()
    assert (statuses(endpoint), endpoint.failing_since) == (["queued"], None)

    happen(order, "held")
    endpoint.deliveries.filter(object_type="unicorn").update(queued_at=Now() - 3 * DAY - timedelta(minutes=1))
    end_waits()
    sender.drain()
    assert statuses(endpoint) == ["failed", "delivered"]


@pytest.mark.django_db(transaction=True)
def test_an_erasure_comes_before_the_payload_is_read_or_after_it_is_written(
    receiver: Receiver, sender: Sender, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint = make_endpoint(receiver.url("/ok"))
    happen(order, "fulfilled")
    free: list[bool] = []
    object_of = payloads.object_of

    def look() -> None:
        with transaction.atomic():
            free.append(endpoint.deliveries.select_for_update(skip_locked=True).exists())
        connection.close()

    def looked_at(kind: str, key: int) -> object:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return object_of(kind, key)

    monkeypatch.setattr(payloads, "object_of", looked_at)
    sender.drain()
    assert free == [False]
    assert statuses(endpoint) == ["delivered"]


def test_a_test_event_arrives(receiver: Receiver, sender: Sender, db: None) -> None:
    endpoint = make_endpoint(receiver.url("/ok"), "order.created")
    endpoints.send_test(endpoint_id=endpoint.pk)
    sender.drain()
    event = Webhook(endpoint.secret).verify(receiver.got[0].body, receiver.got[0].headers)
    assert (event["type"], event["data"]["object"]) == (
        "webhook.test",
        {"object": "webhook_endpoint", "id": endpoint.pk},
    )


def test_what_was_delivered_can_be_sent_again_with_the_same_id(
    receiver: Receiver, sender: Sender, order: Order
) -> None:
    endpoint = make_endpoint(receiver.url("/ok"))
    happen(order, "held", "released", "fulfilled")
    sender.drain()
    sent = [(got.id, got.body) for got in receiver.got]
    assert endpoints.send_again(delivery_ids=[endpoint.deliveries.latest("pk").pk]) == 1
    sender.drain()
    assert [(got.id, got.body) for got in receiver.got] == [*sent, sent[-1]]

    since = endpoint.deliveries.earliest("pk").created_at
    assert endpoints.send_all_since(endpoint_id=endpoint.pk, since=since) == 3
    sender.drain()
    assert [(got.id, got.body) for got in receiver.got][4:] == sent


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_send_each_event_once(receiver: Receiver) -> None:
    order = a_paid_order(make_customer(), make_sku())
    orders = [order, *(a_paid_order(order.customer, sku_of(order)) for _ in range(5))]
    endpoint = make_endpoint(receiver.url("/ok"))
    for _ in range(3):
        for each in orders:
            happen(each, "held")

    def work() -> None:
        sender = Sender()
        try:
            sender.drain()
        finally:
            sender.close()
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert statuses(endpoint) == ["delivered"] * 18
    assert len(receiver.got) == len({got.id for got in receiver.got}) == 18
    for each in orders:
        sequence = [got.event["sequence"] for got in receiver.got if got.event["data"]["object"]["id"] == each.pk]
        assert sequence == sorted(sequence)
