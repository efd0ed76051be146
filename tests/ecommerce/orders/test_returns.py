"""Returns as documents: what may come back, what arrived, what goes back to stock, and what is refunded."""

from typing import Any

import pytest
from django.utils import timezone

from billing.models import CreditNote, Refund
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.bulk_jobs.preview import preview
from ecommerce.models import Order, OrderAct, Return, Sku
from ecommerce.orders.cancel import cancel
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import retry_refund, settle_outside
from ecommerce.orders.return_order import return_order
from ecommerce.orders.returns import (
    Received,
    approve_return,
    cancel_return,
    decline_return,
    receive_return,
    returnable,
)
from tests.support.bulk_jobs import a_clerk, outcomes, run
from tests.support.factories import ANA, make_sku
from tests.support.order_acts import decided, dispute, free, fresh, items_of, kinds, paid_lines, refused, settle
from tests.support.returned import close, opened, receive, received, sent, two_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
NOW = timezone.now


def stock() -> list[int]:
    return list(Sku.objects.order_by("pk").values_list("inventory_quantity", flat=True))


def rows(one: Return) -> list[tuple[int, int, str, bool]]:
    return list(one.items.order_by("item", "condition").values_list("quantity", "received", "condition", "restock"))


def returned(order: Order) -> list[int]:
    return [item.returned for item in items_of(order)]


def test_what_arrived_is_refunded_and_the_order_is_returned_once_all_is_back() -> None:
    order = sent()
    first = received(order, 1, 0)
    assert (first.status, returned(order), stock()) == ("received", [1, 0], [8, 8])
    assert close(first).status == "received"
    assert (settle(order).status, fresh(order).amount_refunded) == ("fulfilled", 1500)
    first.refresh_from_db()
    assert (first.status, first.closed_at is not None) == ("closed", True)

    second = received(order, 2, 2)
    close(second)
    assert (settle(order).status, fresh(order).amount_refunded) == ("returned", 8500)
    assert (returned(order), stock()) == ([3, 2], [10, 10])
    assert [note.amount for note in CreditNote.objects.order_by("pk")] == [1500, 7000]
    assert kinds(order)[-6:] == [
        *("return_opened", "return_received", "return_requested", "refunded", "return_closed", "returned"),
    ]


def test_a_return_is_received_in_two_goes_in_two_conditions_with_one_missing() -> None:
    order = sent()
    mugs, shirts = items_of(order)
    one = opened(order, 3, 2)
    came = [
        Received(item_id=mugs.pk, quantity=1, condition="resellable"),
        Received(item_id=mugs.pk, quantity=1, condition="damaged", restock=True),
        Received(item_id=shirts.pk, quantity=1, condition="resellable", restock=False),
    ]
    receive_return(return_id=one.pk, received=came, complete=False, by=ANA, at=NOW())
    one.refresh_from_db()
    assert (one.status, one.received_at, returned(order), stock()) == ("approved", None, [2, 1], [8, 8])
    with refused("wrong_status"):
        close(one)
    one = receive(one, 0, 1)
    assert one.status == "received"
    assert rows(one) == [
        (1, 1, "damaged", False),
        (1, 0, "missing", False),
        (1, 1, "resellable", True),
        (1, 1, "resellable", False),
        (1, 1, "resellable", True),
    ]
    assert (returned(order), stock()) == ([2, 2], [8, 9])
    close(one)
    assert (settle(order).status, fresh(order).amount_refunded) == ("fulfilled", 7000)


def test_what_was_missing_may_arrive_until_the_return_is_closed() -> None:
    one = receive(opened(sent(), 2, 0), 1)
    assert rows(one) == [(1, 0, "missing", False), (1, 1, "resellable", True)]
    one = receive(one, 1, complete=False)
    assert (rows(one), returned(one.order)) == ([(2, 2, "resellable", True)], [2, 0])
    close(one, refund=False)
    with refused("wrong_status"):
        receive(one, 1)


@pytest.mark.parametrize("came", [(3, "resellable"), (0, "resellable"), (1, "lost"), (1, "")])
def test_no_more_is_received_than_is_awaited(came: tuple[int, str]) -> None:
    one = opened(sent(), 2, 0)
    item = items_of(one.order)[0]
    quantity, condition = came
    bad = Received(item_id=item.pk, quantity=quantity, condition=condition)
    with refused("invalid_items"):
        receive_return(return_id=one.pk, received=[bad], complete=True, by=ANA, at=NOW())
    with refused("invalid_items"):
        receive_return(return_id=one.pk, received=[], complete=False, by=ANA, at=NOW())


def test_no_more_comes_back_than_was_sent_and_is_in_no_other_return() -> None:
    order = two_lines()
    mugs, shirts = items_of(order)
    with refused("invalid_items"):
        opened(order, 1, 0)
    sent(order, [(mugs.pk, 2)])
    opened(order, 1, 0)
    assert returnable(order) == {mugs.pk: 1, shirts.pk: 0}
    for quantities in ((2, 0), (0, 1), (0, 0), (-1, 0)):
        with refused("invalid_items"):
            opened(order, *quantities)


def test_goods_come_back_without_a_refund_and_the_order_stays_fulfilled() -> None:
    order = sent()
    one = close(received(order, 3, 2), refund=False, reason="A replacement went out")
    assert (one.status, fresh(order).status, fresh(order).amount_refunded) == ("closed", "fulfilled", 0)
    assert (Refund.objects.count(), OrderAct.objects.filter(kind="return").count()) == (0, 0)
    assert (kinds(order)[-1], returned(order)) == ("return_closed", [3, 2])


def test_the_units_left_in_the_cells_bound_the_money_and_not_the_return() -> None:
    order = sent()
    mugs, _shirts = items_of(order)
    refund(order_id=order.pk, request=RefundRequest(lines=[(mugs.pk, 2)]), reason="", by=ANA, at=NOW())
    settle(order)
    close(received(order, 3, 0))
    assert settle(order).amount_refunded == 4500
    one = close(received(order, 0, 2))
    assert (settle(order).status, fresh(order).amount_refunded, returned(order)) == ("returned", 8500, [3, 2])
    with refused("wrong_status"):
        close(one)


def test_nothing_is_sent_to_stripe_where_all_of_it_was_refunded_before() -> None:
    order = sent()
    refund(order_id=order.pk, request=RefundRequest(rest=True), reason="", by=ANA, at=NOW())
    settle(order)
    one = close(received(order, 3, 2))
    assert (one.status, fresh(order).status, Refund.objects.count()) == ("closed", "returned", 1)


def test_a_free_order_is_returned_at_once() -> None:
    order = sent(free())
    assert return_order(order_id=order.pk, reason="", restock=True, by=ANA, at=NOW()).status == "returned"


@pytest.mark.parametrize("settle_how", ["again", "outside"])
def test_a_refusal_by_stripe_leaves_the_return_received(fake_stripe: FakeStripeServer, settle_how: str) -> None:
    order = sent()
    one = received(order, 1, 0)
    disputed = dispute(fake_stripe, order)
    close(one)
    failed = settle(order)
    one.refresh_from_db()
    assert (failed.status, failed.money_state, one.status) == ("fulfilled", "refund_failed", "received")
    decided(fake_stripe, disputed, "won")
    if settle_how == "again":
        retry_refund(order_id=order.pk, by=ANA, at=NOW())
        settle(order)
    else:
        settle_outside(order_id=order.pk, note="In cash", by=ANA, at=NOW())
    one.refresh_from_db()
    assert (one.status, fresh(order).amount_refunded, fresh(order).money_state) == ("closed", 1500, "")
    assert (returned(order), stock()) == ([1, 0], [8, 8])


def test_a_refused_return_that_is_closed_without_a_refund_is_settled(fake_stripe: FakeStripeServer) -> None:
    order = sent()
    one = received(order, 1, 0)
    disputed = dispute(fake_stripe, order)
    close(one)
    settle(order)
    close(one, refund=False)
    decided(fake_stripe, disputed, "won")
    with refused("no_failed_refund"):
        retry_refund(order_id=order.pk, by=ANA, at=NOW())


def test_another_act_waits_while_a_return_is_being_refunded() -> None:
    order = sent()
    one = received(order, 1, 0)
    close(one)
    close(one)
    assert (OrderAct.objects.filter(kind="return").count(), Refund.objects.count()) == (1, 1)
    with refused("in_progress"):
        close(one, refund=False)
    with refused("in_progress"):
        receive(one, 1)
    with refused("in_progress"):
        refund(order_id=order.pk, request=RefundRequest(amount=100), reason="", by=ANA, at=NOW())
    with refused("in_progress"):
        return_order(order_id=order.pk, reason="", restock=True, by=ANA, at=NOW())
    assert opened(order, 1, 0).status == "approved"
    settle(order)


# Requested, approved, declined, canceled


def test_a_requested_return_is_approved_declined_or_canceled() -> None:
    order = sent()
    asked: dict[str, Any] = {"approved": False}
    yes, no, never = (opened(order, 1, 0, **asked) for _ in range(3))
    assert (yes.status, yes.approved_at) == ("requested", None)
    with refused("wrong_status"):
        receive(yes, 1)
    approve_return(return_id=yes.pk, answer="Send it to us", by=ANA, at=NOW())
    with refused("answer_required"):
        decline_return(return_id=no.pk, answer=" ", by=ANA, at=NOW())
    decline_return(return_id=no.pk, answer="It was worn", by=ANA, at=NOW())
    cancel_return(return_id=never.pk, by=ANA, at=NOW())
    found = Return.objects.order_by("pk").values_list("status", "answer")
    assert list(found) == [("approved", "Send it to us"), ("declined", "It was worn"), ("canceled", "")]
    for act in (approve_return, cancel_return):
        with refused("wrong_status"):
            act(return_id=no.pk, by=ANA, at=NOW())
    assert kinds(order)[-3:] == ["return_approved", "return_declined", "return_canceled"]
    assert set(returnable(order).values()) == {2}


def test_what_has_arrived_is_not_canceled() -> None:
    one = receive(opened(sent(), 2, 0), 1, complete=False)
    with refused("received_in_part"):
        cancel_return(return_id=one.pk, by=ANA, at=NOW())


# The whole order


def test_the_return_of_a_whole_order_makes_its_document() -> None:
    order = sent()
    received_before = close(received(order, 1, 0), refund=False)
    return_order(order_id=order.pk, reason="Late", restock=True, by=ANA, at=NOW())
    assert (order.returns.count(), stock()) == (1, [8, 8])
    assert settle(order).status == "returned"
    one = order.returns.exclude(pk=received_before.pk).get()
    assert (one.status, one.reason, rows(one)) == ("closed", "Late", [(2, 2, "resellable", True)] * 2)
    assert (returned(order), stock()) == ([3, 2], [10, 10])
    assert OrderAct.objects.get(kind="return").order_return == one


@pytest.mark.django_db(transaction=True)
def test_a_mass_return_makes_the_documents_and_skips_what_has_one_of_its_own() -> None:
    orders = [
        sent(paid_lines((sku, 1))) for sku in (make_sku("A", shippable=True, stock=5), make_sku("B", shippable=True))
    ]
    own = sent()
    one = opened(own, 1, 0)
    asked = preview("return", Order.objects.all())
    assert (asked.total, asked.changes, [count for count, _reason in asked.skips]) == (3, 2, [1])
    said = outcomes(run("return", [*orders, own], a_clerk(), restock=True))
    assert [said[order.number][0] for order in (*orders, own)] == ["done", "done", "skipped"]
    assert one.number in said[own.number][1]
    assert [rows(order.returns.get()) for order in orders] == [[(1, 1, "resellable", True)]] * 2
    assert [order.returns.get().status for order in orders] == ["closed"] * 2
    assert [returned(order) for order in (*orders, own)] == [[1], [1], [0, 0]]
    assert Sku.objects.get(code="A").inventory_quantity == 5


def test_a_mass_cancel_skips_what_was_sent_in_part() -> None:
    order = two_lines()
    sent(order, [(items_of(order)[0].pk, 2)])
    asked = preview("cancel", Order.objects.all())
    assert (asked.changes, [count for count, _reason in asked.skips], +asked.money) == (0, [1], {})
    assert [said[0] for said in outcomes(run("cancel", [order], a_clerk())).values()] == ["skipped"]


def test_the_whole_is_not_returned_while_a_return_is_open() -> None:
    order = sent()
    one = opened(order, 1, 0)
    with refused("return_open"):
        return_order(order_id=order.pk, reason="", restock=True, by=ANA, at=NOW())
    cancel_return(return_id=one.pk, by=ANA, at=NOW())
    return_order(order_id=order.pk, reason="", restock=True, by=ANA, at=NOW())
    with refused("in_progress"):
        opened(order, 1, 0)
    assert settle(order).status == "returned"


def test_a_partly_sent_order_takes_returns_and_is_not_canceled_as_a_whole() -> None:
    order = two_lines()
    mugs, _shirts = items_of(order)
    sent(order, [(mugs.pk, 2)])
    with refused("partly_fulfilled"):
        cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    close(received(order, 2, 0))
    assert (settle(order).status, fresh(order).amount_refunded) == ("paid", 3000)
