import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.fake_stripe.calls import metadata_dict, pay, refund
from tests.support.fake_stripe_process import FakeStripe


def refused(client: stripe.StripeClient, intent: stripe.PaymentIntent, **given: Any) -> stripe.InvalidRequestError:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        refund(client, intent, **given)
    return refusal.value


def charge_of(client: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    return client.v1.charges.retrieve(str(intent.latest_charge))


def test_a_refund_of_nothing_named_is_of_all_that_is_left(client: stripe.StripeClient) -> None:
    intent = pay(client)
    first = refund(client, intent, amount=300, reason="requested_by_customer", metadata={"refund": "1"})
    assert (first.status, first.reason) == ("succeeded", "requested_by_customer")
    assert metadata_dict(first.metadata) == {"refund": "1"}
    assert (refund(client, intent).amount, charge_of(client, intent).refunded) == (700, True)


def test_no_more_than_what_is_left_goes_back(client: stripe.StripeClient) -> None:
    intent = pay(client)
    too_much = refused(client, intent, amount=1001)
    assert (str(too_much.user_message), too_much.param, too_much.code) == (
        "Refund amount ($10.01) is greater than charge amount ($10.00)",
        "amount",
        None,
    )
    refund(client, intent, amount=400)
    rest = refused(client, intent, amount=601)
    assert rest.user_message == "Refund amount ($6.01) is greater than unrefunded amount on charge ($6.00)"
    refund(client, intent, amount=600)
    assert refused(client, intent).code == "charge_already_refunded"
    assert charge_of(client, intent).amount_refunded == 1000


def test_of_twenty_at_once_that_want_six_tenths_one_gets_it(server: FakeStripe, client: stripe.StripeClient) -> None:
    intent = pay(client)

    def want(_: int) -> bool:
        try:
            refund(server.client(), intent, amount=600)
        except stripe.InvalidRequestError:
            return False
        return True

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(want, range(20))) == 1
    assert [one.amount for one in client.v1.refunds.list({"payment_intent": intent.id}).data] == [600]


def test_a_refund_needs_money_that_was_taken(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
    assert "does not have a successful charge" in str(refused(client, intent))
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"amount": 5})
    assert refusal.value.code == "parameter_missing"
    assert refused(client, pay(client), amount=0).code == "parameter_invalid_integer"


def test_a_disputed_charge_is_not_refunded_until_the_dispute_is_won(
    server: FakeStripe, client: stripe.StripeClient
) -> None:
    intent = pay(client)
    dispute = server.post("disputes", {"payment_intent": intent.id})
    assert refused(client, intent).code == "charge_disputed"
    assert client.v1.disputes.list({"payment_intent": intent.id}).data[0].status == "needs_response"
    server.post(f"disputes/{dispute['id']}/close", {"status": "won"})
    assert client.v1.disputes.retrieve(dispute["id"]).status == "won"
    assert refund(client, intent).status == "succeeded"


def test_a_pending_refund_counts_at_once_and_settles_in_time(own_server: FakeStripe) -> None:
    client = own_server.client()
    intent = pay(client, "pm_card_pendingRefund")
    begun = refund(client, intent)
    assert (begun.status, begun.pending_reason, charge_of(client, intent).amount_refunded) == (
        "pending",
        "processing",
        1000,
    )
    own_server.post("clock", {"advance": 60})
    assert eventually(client, begun.id, "succeeded").status == "succeeded"
    assert types(client)[:2] == ["charge.refund.updated", "refund.updated"]


def test_a_pending_refund_can_be_settled_now_or_taken_back(server: FakeStripe, client: stripe.StripeClient) -> None:
    settled = refund(client, pay(client, "pm_card_pendingRefund"))
    assert server.post(f"refunds/{settled.id}/settle")["status"] == "succeeded"
    intent = pay(client, "pm_card_pendingRefund")
    begun = refund(client, intent)
    assert client.v1.refunds.cancel(begun.id).status == "canceled"
    assert charge_of(client, intent).amount_refunded == 0
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.cancel(settled.id)


def test_a_refund_that_the_bank_sends_back_fails_later_and_leaves_the_charge_as_it_was(own_server: FakeStripe) -> None:
    client = own_server.client()
    intent = pay(client, "pm_card_refundFail")
    begun = refund(client, intent)
    assert begun.status == "succeeded"
    failed = eventually(client, begun.id, "failed")
    assert (failed.failure_reason, charge_of(client, intent).amount_refunded) == ("expired_or_canceled_card", 0)
    assert types(client)[:3] == ["charge.refund.updated", "refund.updated", "refund.failed"]
    assert refund(client, intent).amount == 1000


def test_refunds_list_by_what_they_belong_to(client: stripe.StripeClient) -> None:
    first, second = pay(client), pay(client)
    for amount in (100, 200, 300):
        refund(client, first, amount=amount)
    refund(client, second, amount=50)
    by_intent = client.v1.refunds.list({"payment_intent": first.id})
    by_charge = client.v1.refunds.list({"charge": str(first.latest_charge)})
    assert [one.amount for one in by_intent.data] == [one.amount for one in by_charge.data] == [300, 200, 100]
    page = client.v1.refunds.list({"payment_intent": first.id, "limit": 2})
    rest = client.v1.refunds.list({"payment_intent": first.id, "starting_after": page.data[-1].id})
    back = client.v1.refunds.list({"payment_intent": first.id, "ending_before": rest.data[0].id, "limit": 1})
    assert (page.has_more, rest.has_more, back.has_more) == (True, False, True)
    assert ([one.amount for one in rest.data], [one.amount for one in back.data]) == ([100], [200])
    assert len(list(by_intent.auto_paging_iter())) == 3


def test_a_refund_s_metadata_may_change(client: stripe.StripeClient) -> None:
    made = refund(client, pay(client), metadata={"a": "1", "b": "2"})
    changed = client.v1.refunds.update(made.id, {"metadata": {"a": "", "c": "3"}})
    assert metadata_dict(changed.metadata) == {"b": "2", "c": "3"}


def test_the_ledger_tells_of_all_money(own_server: FakeStripe) -> None:
    client = own_server.client()
    intent = pay(client, metadata={"payment": "7"})
    back = refund(client, intent, amount=250, metadata={"refund": "8"})
    assert own_server.ledger() == {
        "payment_intents": [
            {
                "id": intent.id,
                "amount": 1000,
                "currency": "usd",
                "status": "succeeded",
                "metadata": {"payment": "7"},
                "created": intent.created,
            }
        ],
        "refunds": [
            {
                "id": back.id,
                "payment_intent": intent.id,
                "amount": 250,
                "status": "succeeded",
                "metadata": {"refund": "8"},
                "created": back.created,
            }
        ],
        "tax_transactions": [],
    }


def eventually(client: stripe.StripeClient, identifier: str, status: str) -> stripe.Refund:
    for _ in range(100):
        found = client.v1.refunds.retrieve(identifier)
        if found.status == status:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{identifier} is {found.status}")


def types(client: stripe.StripeClient) -> list[str]:
    return [event.type for event in client.v1.events.list().data]
