from functools import partial

import pytest
from django.utils import timezone

from ecommerce.models import Fulfillment
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from tests.support.factories import ANA, place_order
from tests.support.order_acts import at_once, by_hand, free, fresh, fulfilled, kinds, paid, refused, settle
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
    order = paid()
    came = at_once(*[partial(fulfill, order_id=order.pk, by=ANA, at=NOW())] * 8)
    assert sorted(came) == ["done"] + ["wrong_status"] * 7
    assert (Fulfillment.objects.count(), kinds(order).count("fulfilled")) == (1, 1)
