from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from billing.models import Refund
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.bulk_jobs.preview import preview
from ecommerce.models import Fulfillment, Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import settle_outside
from ecommerce.orders.selectors import allowed_acts
from tests.support.bulk_jobs import a_clerk, outcomes, run
from tests.support.factories import ANA, make_sku, place_order
from tests.support.order_acts import (
    at_once,
    by_hand,
    free,
    fresh,
    fulfilled,
    kinds,
    paid,
    paid_lines,
    payment_of,
    refused,
    settle,
)
from tests.support.webhook_events import deliver

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
NOW = timezone.now


def test_a_paid_order_is_fulfilled_with_how_it_was_sent() -> None:
    order = paid()
    sent = fulfill(order_id=order.pk, by=ANA, at=NOW(), carrier="DHL", tracking_number="JD014")
    fulfillment = Fulfillment.objects.get(order=order)

    assert (sent.status, fulfillment.carrier, fulfillment.tracking_number) == ("fulfilled", "DHL", "JD014")
    assert fulfillment.by_label == "Ana"
    assert kinds(order)[-1] == "fulfilled"


def test_what_cost_nothing_is_fulfilled_too() -> None:
    assert fulfill(order_id=free().pk, by=ANA, at=NOW()).status == "fulfilled"


def test_only_a_paid_order_can_be_fulfilled() -> None:
    created, sent, canceled = place_order(token="pm_card_chargeDeclined"), fulfilled(), paid()
    cancel(order_id=canceled.pk, reason="", by=ANA, at=NOW())
    settle(canceled)
    for order in (created, sent, canceled):
        with refused("wrong_status"):
            fulfill(order_id=order.pk, by=ANA, at=NOW())


def test_the_refusal_says_who_was_first() -> None:
    sent = fulfilled()
    with pytest.raises(Exception, match=rf"Order {sent.number} is fulfilled \(by Ana at .*\); only a paid order can"):
        fulfill(order_id=sent.pk, by=ANA, at=NOW())


def test_what_was_wholly_refunded_by_hand_is_not_sent() -> None:
    order = paid()
    by_hand(order, 1500)
    deliver("charge.refunded")
    assert fresh(order).amount_refunded == 1500
    with refused("wholly_refunded"):
        fulfill(order_id=order.pk, by=ANA, at=NOW())
    assert cancel(order_id=order.pk, reason="", by=ANA, at=NOW()).status == "canceled"


@pytest.mark.django_db(transaction=True)
def test_two_people_fulfill_at_once_and_it_is_sent_once() -> None:
    order = paid_lines((make_sku(shippable=True), 1))
    came = at_once(*[partial(fulfill, order_id=order.pk, by=ANA, at=NOW())] * 8)
    assert sorted(came) == ["done"] + ["wrong_status"] * 7
    assert (Fulfillment.objects.count(), kinds(order).count("fulfilled")) == (1, 1)


# Orders that need attention


def disputed(fake_stripe: FakeStripeServer) -> Order:
    order = paid()
    fake_stripe.post("disputes", {"payment_intent": payment_of(order).stripe_payment_intent_id})
    deliver("charge.dispute.created")
    return fresh(order)


def refused_cancel(fake_stripe: FakeStripeServer) -> Order:
    order = disputed(fake_stripe)
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    return settle(order)


@pytest.mark.parametrize("trouble", [disputed, refused_cancel])
def test_what_needs_attention_is_not_sent_unless_somebody_says_so(trouble: Any, fake_stripe: FakeStripeServer) -> None:
    order = trouble(fake_stripe)
    assert "fulfill" not in allowed_acts(order)
    assert "fulfill_anyway" in allowed_acts(order)
    with refused("needs_attention"):
        fulfill(order_id=order.pk, by=ANA, at=NOW())
    with pytest.raises(Exception, match="The bank disputes this payment"):
        fulfill(order_id=order.pk, by=ANA, at=NOW())
    sent = fulfill(order_id=order.pk, by=ANA, at=NOW(), despite_attention=True)
    # The cancellation that Stripe refused is over; the dispute is not.
    assert (sent.status, sent.money_state) == ("fulfilled", "disputed")
    assert fresh(order).attention.count("disputes") == 1
    assert "disputes" in order.events.latest("pk").data["despite"]
    assert not {"try_again", "settle_outside"} & allowed_acts(sent)


def test_to_say_so_does_not_send_what_may_not_be_sent() -> None:
    order = paid()
    by_hand(order, 1500)
    deliver("charge.refunded")
    with refused("wholly_refunded"):
        fulfill(order_id=order.pk, by=ANA, at=NOW(), despite_attention=True)
    created = place_order(token="pm_card_chargeDeclined")
    with refused("wrong_status"):
        fulfill(order_id=created.pk, by=ANA, at=NOW(), despite_attention=True)
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())  # until then the books ask for it


def test_a_failed_refund_is_within_reach_beside_a_dispute(fake_stripe: FakeStripeServer) -> None:
    order = paid(quantity=2)
    refund(order_id=order.pk, request=RefundRequest(amount=500), reason="", by=ANA, at=NOW())
    settle(order)
    fake_stripe.post(f"refunds/{Refund.objects.get().stripe_refund_id}/settle", {"status": "failed"})
    deliver("refund.failed")
    Order.objects.filter(pk=order.pk).update(money_state="disputed")  # whatever state is shown first
    assert {"try_again", "settle_outside", "fulfill_anyway"} <= allowed_acts(fresh(order))
    sent = fulfill(order_id=order.pk, by=ANA, at=NOW(), despite_attention=True)
    assert sent.money_state == "refund_failed"
    assert {"try_again", "settle_outside"} <= allowed_acts(sent)
    settle_outside(order_id=order.pk, note="By cheque", by=ANA, at=NOW())
    assert fresh(order).attention == ""


def test_a_bulk_job_skips_what_needs_attention_and_says_why(fake_stripe: FakeStripeServer) -> None:
    troubled, fine = disputed(fake_stripe), paid()
    seen = preview("fulfill", Order.objects.all())
    assert (seen.changes, seen.skips) == (
        1,
        [(1, "1 needs attention.")],
    )
    assert preview("cancel", Order.objects.all()).disputed == 1
    job = run("fulfill", Order.objects.all(), a_clerk())
    status, reason = outcomes(job)[troubled.number]
    assert (status, outcomes(job)[fine.number]) == ("skipped", ("done", ""))
    assert "needs attention: The bank disputes this payment" in reason
    assert fresh(troubled).status == "paid"
