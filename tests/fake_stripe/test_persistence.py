import signal
import threading
import time

import pytest
import stripe

from tests.fake_stripe.calls import pay, refund
from tests.support.fake_stripe_process import FakeStripe


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_all_is_kept(own_server: FakeStripe, ending: str) -> None:
    client = own_server.client()
    customer = client.v1.customers.create({"email": "ada@example.com"})
    intent = pay(client, customer=customer.id)
    back = refund(client, intent, key="kept", amount=100)
    before = own_server.ledger()
    getattr(own_server, ending)()
    own_server.start()
    client = own_server.client()
    assert own_server.ledger() == before
    assert client.v1.customers.list({"email": "ada@example.com"}).data[0].id == customer.id
    assert refund(client, intent, key="kept", amount=100).id == back.id
    assert refund(client, intent).amount == 900


def test_every_answer_given_before_a_kill_was_on_disk(own_server: FakeStripe) -> None:
    client = own_server.client()
    intent = pay(client, amount=99_999_999)
    answered: list[str] = []

    def go_on() -> None:
        try:
            while True:
                answered.append(refund(client, intent, amount=1).id)
        except stripe.APIConnectionError:
            return

    worker = threading.Thread(target=go_on)
    worker.start()
    time.sleep(0.5)
    own_server.kill()
    worker.join()
    own_server.start()
    kept = {one["id"] for one in own_server.ledger()["refunds"]}
    assert len(answered) > 10
    assert set(answered) <= kept
    assert len(kept) <= len(answered) + 1


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_clean_even_as_soon_as_it_listens(own_server: FakeStripe, by: signal.Signals) -> None:
    assert own_server.stop(by) == 0


def test_it_ends_at_once_though_requests_are_held(own_server: FakeStripe) -> None:
    client = own_server.client()
    intent = pay(client)
    own_server.faults({"match": "POST /v1/refunds", "fault": "hold"})
    outcome: list[str] = []

    def wait() -> None:
        try:
            refund(client, intent)
        except stripe.APIConnectionError as error:
            outcome.append(type(error).__name__)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.3)
    began = time.monotonic()
    assert own_server.stop() == 0
    assert time.monotonic() - began < 5
    waiting.join()
    own_server.start()
    assert (outcome, own_server.ledger()["refunds"]) == (["APIConnectionError"], [])


def test_a_refund_that_was_pending_settles_after_a_restart(own_server: FakeStripe) -> None:
    back = refund(own_server.client(), pay(own_server.client(), "pm_card_pendingRefund"))
    own_server.kill()
    time.sleep(1.1)
    own_server.start()
    for _ in range(50):
        if own_server.client().v1.refunds.retrieve(back.id).status == "succeeded":
            return
        time.sleep(0.1)
    raise AssertionError("the refund is still pending")
