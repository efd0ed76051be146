import threading
import time
import urllib.error
from contextlib import suppress

import pytest
import stripe

from tests.fake_stripe.calls import pay, refund
from tests.support.fake_stripe_process import FakeStripe

REFUNDS = "POST /v1/refunds"


def test_a_delay_comes_before_the_answer(server: FakeStripe, client: stripe.StripeClient) -> None:
    intent = pay(client)
    server.faults({"match": REFUNDS, "fault": "delay", "delay_ms": 300})
    began = time.monotonic()
    refund(client, intent)
    assert time.monotonic() - began >= 0.3


def test_who_gave_up_waiting_finds_the_money_moved_all_the_same(
    server: FakeStripe, client: stripe.StripeClient
) -> None:
    intent = pay(client)
    server.faults({"match": REFUNDS, "fault": "delay", "delay_ms": 600})
    with pytest.raises(stripe.APIConnectionError):
        refund(server.client(timeout=0.2), intent, key="impatient")
    time.sleep(0.6)
    assert len(client.v1.refunds.list({"payment_intent": intent.id}).data) == 1


@pytest.mark.parametrize(("fault", "done"), [("drop_before", 0), ("drop_after", 1)])
def test_a_dropped_connection_has_no_answer(
    server: FakeStripe, client: stripe.StripeClient, fault: str, done: int
) -> None:
    intent = pay(client)
    server.faults({"match": REFUNDS, "fault": fault, "times": 1})
    with pytest.raises(stripe.APIConnectionError):
        refund(client, intent, key=f"{fault}-{intent.id}")
    assert len(client.v1.refunds.list({"payment_intent": intent.id}).data) == done
    refund(client, intent, key=f"{fault}-{intent.id}")
    assert len(client.v1.refunds.list({"payment_intent": intent.id}).data) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, stripe.AuthenticationError),
        (402, stripe.CardError),
        (403, stripe.PermissionError),
        (404, stripe.InvalidRequestError),
        (409, stripe.APIError),
        (429, stripe.RateLimitError),
        (500, stripe.APIError),
        (503, stripe.APIError),
    ],
)
def test_a_status_is_answered_in_stripe_s_shape_without_the_work(
    server: FakeStripe, client: stripe.StripeClient, status: int, error: type[stripe.StripeError]
) -> None:
    intent = pay(client)
    server.faults({"match": REFUNDS, "fault": "status", "status": status})
    with pytest.raises(error) as refusal:
        refund(client, intent)
    assert refusal.value.http_status == status
    assert refusal.value.request_id is not None
    assert client.v1.refunds.list({"payment_intent": intent.id}).data == []


def test_held_requests_go_on_when_the_rules_are_cleared(server: FakeStripe, client: stripe.StripeClient) -> None:
    intent = pay(client)
    server.faults({"match": REFUNDS, "fault": "hold"})
    waiting = threading.Thread(target=refund, args=(server.client(), intent))
    waiting.start()
    time.sleep(0.3)
    assert waiting.is_alive()
    assert server.ledger()["refunds"] == [] or intent.id not in str(server.ledger()["refunds"])
    server.clear()
    waiting.join(timeout=5)
    assert len(client.v1.refunds.list({"payment_intent": intent.id}).data) == 1


def test_a_rule_matches_by_method_and_prefix_and_so_many_times(server: FakeStripe, client: stripe.StripeClient) -> None:
    intent = pay(client)
    server.faults({"match": "GET /v1/refunds", "fault": "status", "status": 503, "times": 2})
    refund(client, intent, amount=1)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            client.v1.refunds.list()
    client.v1.refunds.list()
    client.v1.payment_intents.list()


def test_rules_are_tried_in_order_each_with_its_chance(server: FakeStripe, client: stripe.StripeClient) -> None:
    server.faults(
        {"match": "GET /v1/customers", "fault": "status", "status": 500, "probability": 0},
        {"match": "GET /v1/customers", "fault": "delay", "delay_ms": 200},
        {"match": "GET /v1/customers", "fault": "status", "status": 429, "probability": 0.5},
    )
    answers: list[str] = []
    for _ in range(40):
        began = time.monotonic()
        try:
            client.v1.customers.list({"limit": 1})
            answers.append("ok")
        except stripe.RateLimitError:
            answers.append("429")
        assert time.monotonic() - began >= 0.2
        if len(set(answers)) == 2:
            break
    assert set(answers) == {"ok", "429"}


@pytest.mark.parametrize(
    "rule",
    [
        {"match": "/v1/refunds", "fault": "delay"},
        {"match": REFUNDS, "fault": "explode"},
        {"match": REFUNDS, "fault": "status", "status": 200},
        {"match": REFUNDS, "fault": "delay", "colour": "red"},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(server: FakeStripe, rule: dict[str, object]) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        server.faults(rule)
    assert refusal.value.code == 400
    refusal.value.close()


def test_what_struck_is_counted(server: FakeStripe, client: stripe.StripeClient) -> None:
    before = server.clear()["struck"].get("status 503", 0)
    server.faults({"match": "GET /v1/refunds", "fault": "status", "status": 503, "times": 2})
    for _ in range(3):
        with suppress(stripe.APIError):
            client.v1.refunds.list()
    assert server.clear()["struck"]["status 503"] == before + 2
