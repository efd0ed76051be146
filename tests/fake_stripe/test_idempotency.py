import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from tests.fake_stripe.calls import error_object, pay, refund
from tests.support.fake_stripe_process import FakeStripe


def refunds_of(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> int:
    return len(client.v1.refunds.list({"payment_intent": intent.id}).data)


def headers(thing: stripe.Refund) -> dict[str, str]:
    assert thing.last_response is not None
    return {name.lower(): value for name, value in thing.last_response.headers.items()}


def test_a_key_replays_its_first_answer(client: stripe.StripeClient) -> None:
    intent = pay(client)
    first = refund(client, intent, key="replay", amount=100)
    again = refund(client, intent, key="replay", amount=100)
    assert (again.id, refunds_of(client, intent)) == (first.id, 1)
    assert "idempotent-replayed" not in headers(first)
    assert headers(again)["idempotent-replayed"] == "true"
    assert headers(again)["original-request"] == headers(first)["request-id"]


def test_a_decline_is_replayed_too(client: stripe.StripeClient) -> None:
    intents = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as decline:
            client.v1.payment_intents.create(
                {
                    "amount": 1000,
                    "currency": "usd",
                    "payment_method": "pm_card_chargeDeclined",
                    "confirm": True,
                    "allowed_payment_method_types": ["card"],
                },
                {"idempotency_key": "declined"},
            )
        failed = error_object(decline.value).payment_intent
        assert failed is not None
        intents.append(failed.id)
    assert intents[0] == intents[1]


def test_a_key_with_other_parameters_is_refused(client: stripe.StripeClient) -> None:
    intent = pay(client)
    refund(client, intent, key="other", amount=100)
    with pytest.raises(stripe.IdempotencyError) as refusal:
        refund(client, intent, key="other", amount=200)
    assert (refusal.value.http_status, error_object(refusal.value).type) == (400, "idempotency_error")
    assert refunds_of(client, intent) == 1


def test_a_key_on_another_address_is_refused(client: stripe.StripeClient) -> None:
    client.v1.customers.create({}, {"idempotency_key": "elsewhere"})
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.create({"amount": 1000, "currency": "usd"}, {"idempotency_key": "elsewhere"})


def test_a_stored_500_is_replayed_and_a_429_is_not(server: FakeStripe, client: stripe.StripeClient) -> None:
    intent = pay(client)
    server.faults({"match": "POST /v1/refunds", "fault": "status", "status": 500, "times": 1})
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failure:
            refund(client, intent, key="stored", amount=100)
        assert failure.value.http_status == 500
    assert refunds_of(client, intent) == 0
    server.faults({"match": "POST /v1/refunds", "fault": "status", "status": 429, "times": 1})
    with pytest.raises(stripe.RateLimitError):
        refund(client, intent, key="unstored", amount=100)
    assert refund(client, intent, key="unstored", amount=100).status == "succeeded"


def test_an_answer_that_was_kept_survives_a_later_500(server: FakeStripe, client: stripe.StripeClient) -> None:
    intent = pay(client)
    first = refund(client, intent, key="kept", amount=100)
    server.faults({"match": "POST /v1/refunds", "fault": "status", "status": 500, "times": 1})
    with pytest.raises(stripe.APIError):
        refund(client, intent, key="kept", amount=100)
    assert refund(client, intent, key="kept", amount=100).id == first.id


def test_what_fails_validation_leaves_its_key_free(client: stripe.StripeClient) -> None:
    intent = pay(client)
    with pytest.raises(stripe.InvalidRequestError):
        refund(client, intent, key="corrected", amount=0)
    assert refund(client, intent, key="corrected", amount=100).amount == 100


def test_what_was_refused_in_earnest_stays_refused(client: stripe.StripeClient) -> None:
    intent = pay(client, "pm_card_pendingRefund")
    back = refund(client, intent)
    with pytest.raises(stripe.InvalidRequestError):
        refund(client, intent, key="refused")
    client.v1.refunds.cancel(back.id)
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        refund(client, intent, key="refused")
    assert refusal.value.code == "charge_already_refunded"


def test_a_key_in_flight_is_a_conflict(server: FakeStripe, client: stripe.StripeClient) -> None:
    intent = pay(client)
    server.faults({"match": "POST /v1/refunds", "fault": "hold"})
    got: list[str] = []
    first = threading.Thread(target=lambda: got.append(refund(server.client(), intent, key="flight", amount=9).id))
    first.start()
    time.sleep(0.3)
    with pytest.raises(stripe.APIError) as conflict:
        refund(client, intent, key="flight", amount=9)
    assert (conflict.value.http_status, error_object(conflict.value).code) == (409, "idempotency_key_in_use")
    with pytest.raises(stripe.IdempotencyError):
        refund(client, intent, key="flight", amount=10)
    server.clear()
    first.join()
    assert refund(client, intent, key="flight", amount=9).id == got[0]


def test_twenty_at_once_with_one_key_do_it_once(server: FakeStripe, client: stripe.StripeClient) -> None:
    intent = pay(client)
    server.faults({"match": "POST /v1/refunds", "fault": "delay", "delay_ms": 100})

    def want(_: int) -> str:
        try:
            return refund(server.client(), intent, key="twenty", amount=9).id
        except stripe.APIError as conflict:
            return str(error_object(conflict).code)

    with ThreadPoolExecutor(20) as threads:
        got = list(threads.map(want, range(20)))
    assert len(set(got)) == 2
    assert "idempotency_key_in_use" in got
    assert refunds_of(client, intent) == 1


def test_a_key_is_forgotten_after_a_day(own_server: FakeStripe) -> None:
    client = own_server.client()
    intent = pay(client)
    first = refund(client, intent, key="day", amount=100)
    own_server.post("clock", {"advance": 23 * 3600})
    assert refund(client, intent, key="day", amount=100).id == first.id
    own_server.post("clock", {"advance": 3600})
    assert refund(client, intent, key="day", amount=100).id != first.id


def test_a_key_may_not_be_longer_than_stripe_s(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({}, {"idempotency_key": "k" * 256})
