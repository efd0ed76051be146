import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stripe

from tests.fake_stripe.calls import pay, refund
from tests.support.fake_stripe_process import WEBHOOK_SECRET, FakeStripe


class Listener:
    """A webhook address that keeps what it gets, and answers with what it was told to."""

    def __init__(self) -> None:
        self.got: list[stripe.Event] = []
        self.answers: list[int] = []
        listener = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                payload = self.rfile.read(int(self.headers["Content-Length"]))
                event = stripe.Webhook.construct_event(payload, self.headers["Stripe-Signature"], WEBHOOK_SECRET)
                status = listener.answers.pop(0) if listener.answers else 200
                listener.got.append(event)
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/stripe/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def types(self) -> list[str]:
        return [event.type for event in self.got]

    def wait(self, enough: Callable[[], bool], *, seconds: float = 15) -> None:
        until = time.monotonic() + seconds
        while not enough():
            assert time.monotonic() < until, f"only {self.types()} came"
            time.sleep(0.05)


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.server.shutdown()
    listening.server.server_close()


@pytest.fixture
def sending(tmp_path: Path, listener: Listener) -> Iterator[FakeStripe]:
    with FakeStripe(tmp_path / "stripe.sqlite3", webhook_url=listener.url) as fake:
        yield fake


PAID = ["charge.succeeded", "payment_intent.created", "payment_intent.succeeded"]
REFUNDED = ["charge.refunded", "refund.created"]


def test_events_are_signed_and_tell_what_happened(sending: FakeStripe, listener: Listener) -> None:
    client = sending.client()
    intent = pay(client)
    refund(client, intent, key="told", amount=100)
    listener.wait(lambda: len(listener.got) == 5)
    assert sorted(listener.types()) == sorted(PAID + REFUNDED)
    event = next(event for event in listener.got if event.type == "charge.refunded")
    error_object = event.to_dict()
    assert error_object["data"]["object"]["amount_refunded"] == 100
    assert error_object["request"]["idempotency_key"] == "told"
    assert (event.api_version, event.livemode) == ("2026-10-28.endive", False)
    kept = client.v1.events.retrieve(event.id)
    assert (kept.type, kept.created) == (event.type, event.created)


def test_the_events_of_every_outcome(own_server: FakeStripe) -> None:
    client = own_server.client()
    with pytest.raises(stripe.CardError):
        pay(client, "pm_card_chargeDeclined")
    waiting = pay(client, "pm_card_authenticationRequired")
    client.v1.payment_intents.cancel(waiting.id)
    paid = pay(client)
    dispute = own_server.post("disputes", {"payment_intent": paid.id})
    own_server.post(f"disputes/{dispute['id']}/close", {"status": "lost"})
    types = [event.type for event in client.v1.events.list({"limit": 100}).data][::-1]
    assert types == [
        *("payment_intent.created", "charge.failed", "payment_intent.payment_failed"),
        *("payment_intent.created", "payment_intent.requires_action", "payment_intent.canceled"),
        *("payment_intent.created", "charge.succeeded", "payment_intent.succeeded"),
        *("charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"),
    ]
    failed = client.v1.events.list({"type": "payment_intent.payment_failed"})
    assert len(failed.data) == 1
    assert len(client.v1.events.list({"types": ["charge.failed", "charge.succeeded"]}).data) == 2


def test_an_event_comes_again_until_it_is_taken(sending: FakeStripe, listener: Listener) -> None:
    listener.answers = [500, 302]
    sending.client().v1.customers.create({})
    listener.wait(lambda: len(listener.got) == 3)
    assert len({event.id for event in listener.got}) == 1


def test_an_event_that_nobody_took_comes_after_a_restart(sending: FakeStripe, listener: Listener) -> None:
    listener.answers = [500]
    sending.client().v1.customers.create({})
    listener.wait(lambda: len(listener.got) == 1)
    sending.kill()
    sending.start()
    listener.wait(lambda: len(listener.got) == 2)
    assert listener.got[0].id == listener.got[1].id


def test_an_address_that_never_answers_does_not_keep_the_sandbox_from_ending(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with FakeStripe(tmp_path / "stripe.sqlite3", webhook_url=url) as fake:
            pay(fake.client())
            time.sleep(0.3)
            began = time.monotonic()
            assert fake.stop() == 0
            assert time.monotonic() - began < 5


def test_doubled_events_come_twice(sending: FakeStripe, listener: Listener) -> None:
    sending.faults(webhooks="double")
    pay(sending.client())
    listener.wait(lambda: len(listener.got) == 6)
    assert sorted(listener.types()) == sorted(PAID * 2)


def test_late_events_come_late(sending: FakeStripe, listener: Listener) -> None:
    sending.faults(webhooks="late")
    pay(sending.client())
    time.sleep(1.5)
    assert listener.got == []
    listener.wait(lambda: len(listener.got) == 3)


def test_reversed_events_come_the_last_one_first(sending: FakeStripe, listener: Listener) -> None:
    sending.faults(webhooks="reversed")
    intent = pay(sending.client())
    refund(sending.client(), intent)
    listener.wait(lambda: len(listener.got) == 5)
    happened = [
        *("payment_intent.created", "charge.succeeded", "payment_intent.succeeded"),
        *("refund.created", "charge.refunded"),
    ]
    # Each second's events are turned round by themselves.
    assert listener.types() in [happened[:cut][::-1] + happened[cut:][::-1] for cut in range(5)]


def test_with_webhooks_off_nothing_comes_and_the_events_are_there_to_be_listed(
    sending: FakeStripe, listener: Listener
) -> None:
    sending.faults(webhooks="off")
    pay(sending.client())
    time.sleep(1)
    assert listener.got == []
    assert len(sending.client().v1.events.list().data) == 3
    sending.clear()
    pay(sending.client())
    listener.wait(lambda: len(listener.got) == 3)
