"""No intent that somebody's browser may still complete is given up: it is canceled at Stripe first."""

from collections.abc import Callable
from typing import Any

import pytest

from billing import settlement
from billing.models import Payment
from devserver.fake_stripe_server import FakeStripeServer
from tests.support.factories import place_order
from tests.support.order_acts import fresh, payment_of, sweep_now

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
Ledger = Callable[[], dict[str, Any]]


def statuses(ledger: Ledger) -> list[str]:
    return [each["status"] for each in ledger()["payment_intents"]]


def fail_in_the_browser(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    fake_stripe.post(f"3ds/{ledger()['payment_intents'][0]['id']}", {"outcome": "fail"})


def test_a_failed_attempt_whose_response_got_lost_is_ended(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order(token="pm_card_authenticationRequired")
    fail_in_the_browser(fake_stripe, ledger)
    sweep_now()
    assert (fresh(order).status, fresh(order).money_state) == ("created", "payment_failed")
    assert statuses(ledger) == ["canceled"]


def test_a_failed_attempt_whose_secret_went_out_meanwhile_is_ended(
    fake_stripe: FakeStripeServer, ledger: Ledger
) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    read_before = payment_of(order)
    read_before.client_secret = ""
    fail_in_the_browser(fake_stripe, ledger)
    answer = settlement.fetch_payment_result(read_before)
    assert answer.status is Payment.Status.FAILED
    assert statuses(ledger) == ["canceled"]
    sweep_now()


def test_a_decline_whose_response_got_lost_is_ended_and_keeps_the_banks_reason(
    fake_stripe: FakeStripeServer, ledger: Ledger
) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    order = place_order(token="pm_card_chargeDeclinedInsufficientFunds")
    sweep_now()
    declined = payment_of(order)
    assert (declined.status, declined.decline_code) == ("failed", "insufficient_funds")
    assert declined.failure_message == "Your card has insufficient funds."
    assert statuses(ledger) == ["canceled"]
