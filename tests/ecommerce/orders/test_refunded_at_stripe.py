"""Refunds that somebody made in Stripe's dashboard just before an act of ours, with webhooks off."""

from typing import Any

import pytest
from django.utils import timezone

from billing import settlement
from billing.models import Refund
from ecommerce.models import OrderAct
from ecommerce.orders.cancel import cancel
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.return_order import return_order
from tests.support.bulk_jobs import a_clerk, outcomes, run
from tests.support.factories import ANA
from tests.support.order_acts import by_hand, fresh, fulfilled, paid, settle, sweep_now

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
NOW = timezone.now


@pytest.mark.parametrize("amounts", [[3000], [1000], [1000, 2000], [1, 1, 1], [1500, 1500], [2999]])
@pytest.mark.parametrize("kind", ["cancel", "return"])
def test_the_act_takes_what_is_there_as_done(amounts: list[int], kind: str, ledger: Any) -> None:
    order = paid(quantity=2) if kind == "cancel" else fulfilled(quantity=2)
    for amount in amounts:
        by_hand(order, amount)
    if kind == "cancel":
        cancel(order_id=order.pk, reason="Late", by=ANA, at=NOW())
    else:
        return_order(order_id=order.pk, reason="Late", restock=True, by=ANA, at=NOW())
    settle(order)
    sweep_now()
    done = fresh(order)
    assert (done.status, done.money_state, done.attention) == (
        *("canceled" if kind == "cancel" else "returned", "", ""),
    )
    assert done.amount_refunded == 3000
    assert sum(each["amount"] for each in ledger()["refunds"]) == 3000
    assert not OrderAct.objects.filter(closed_at=None).exists()


def test_a_process_killed_between_the_refusal_and_its_row_changes_nothing(ledger: Any) -> None:
    order = paid(quantity=2)
    by_hand(order, 1000)
    cancel(order_id=order.pk, reason="Late", by=ANA, at=NOW())
    row = Refund.objects.get()
    assert settlement.execute_refund(refund_id=row.pk)  # refused, and the result is lost with the process
    assert fresh(order).money_state == "refund_in_progress"
    for _ in range(3):
        sweep_now()
    assert (fresh(order).status, fresh(order).amount_refunded) == ("canceled", 3000)
    assert [each["amount"] for each in ledger()["refunds"]] == [1000, 2000]


def test_a_partial_refund_that_has_no_room_fails_and_shows_what_was_there() -> None:
    order = paid(quantity=2)
    by_hand(order, 2500)
    refund(order_id=order.pk, request=RefundRequest(amount=1000), reason="", by=ANA, at=NOW())
    failed = settle(order)
    assert (failed.status, failed.amount_refunded, OrderAct.objects.latest("pk").outcome) == ("paid", 2500, "failed")


def test_a_bulk_job_takes_what_is_there_as_done(ledger: Any) -> None:
    orders = [paid(quantity=2) for _ in range(4)]
    for order, amounts in zip(orders, ([3000], [1000], [1000, 2000], []), strict=True):
        for amount in amounts:
            by_hand(order, amount)
    job = run("cancel", orders, a_clerk())
    assert (job.status, set(outcomes(job).values())) == ("succeeded", {("done", "")})
    assert sum(each["amount"] for each in ledger()["refunds"]) == 4 * 3000
    assert {(fresh(order).status, fresh(order).amount_refunded) for order in orders} == {("canceled", 3000)}
