"""Which act mails the customer, and which does not: in its own transaction, by one statement, and never twice."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers.mail.notify import notifying
from customers.models import Customer, Mail, MailTemplate
from ecommerce.models import Order, OrderAct
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.return_order import return_order
from tests.support.bulk_jobs import a_clerk, run
from tests.support.factories import ANA, make_customer, make_sku, place_order
from tests.support.mailbox import mail_kinds, written
from tests.support.order_acts import fulfilled, paid, paid_lines, settle
from tests.support.tracking_files import applied, numbers, preview, to_send

pytestmark = pytest.mark.django_db
NOW = timezone.now
BY: dict[str, Any] = {"by": ANA}


def statements(act: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as caught:
        act()
    return [query["sql"] for query in caught.captured_queries]


def shipped_order(**fields: Any) -> Order:
    return paid_lines((make_sku(f"BOX-{Order.objects.count()}", shippable=True), 1), **fields)


def _refunded(order: Order) -> None:
    refund(order_id=order.pk, request=RefundRequest(amount=100), reason="", at=NOW(), **BY)
    settle(order)


def _returned(order: Order) -> None:
    return_order(order_id=order.pk, reason="", restock=True, at=NOW(), **BY)
    settle(order)


ACTS: dict[str, tuple[Callable[[], Order], Callable[[Order], object]]] = {
    "fulfill": (shipped_order, lambda order: fulfill(order_id=order.pk, at=NOW(), **BY)),
    "cancel": (
        lambda: place_order(token="pm_card_chargeDeclined"),
        lambda order: cancel(order_id=order.pk, reason="", at=NOW(), **BY),
    ),
    "refund": (paid, _refunded),
    "return": (fulfilled, _returned),
}


@pytest.mark.parametrize("name", ACTS)
def test_a_mail_costs_an_act_one_statement(name: str) -> None:
    make, act = ACTS[name]
    counts = []
    for enabled in (True, False):
        order = make()
        with notifying(enabled):
            sent = statements(lambda order=order: act(order))  # type: ignore[misc]
        counts.append((len(sent), sum("INSERT INTO customers_mail" in each for each in sent)))
    assert counts == [(counts[1][0] + 1, 1), (counts[1][0], 0)]


def test_a_payment_costs_one_statement_more() -> None:
    counts = []
    for enabled in (True, False):
        with notifying(enabled):
            counts.append(len(statements(paid)))
    # The first one of a customer makes it at Stripe, too.
    assert sum("customers_mail" in each for each in statements(paid)) == 1
    assert counts[1] <= counts[0]


def test_what_is_rolled_back_mails_nobody() -> None:
    order = shipped_order()
    with transaction.atomic():
        fulfill(order_id=order.pk, at=NOW(), **BY)
        transaction.set_rollback(True)
    assert mail_kinds(order) == ["order_confirmed"]


def test_an_act_that_was_to_mail_nobody_mails_nobody_when_stripe_answers_later() -> None:
    order = paid()
    with notifying(False):
        cancel(order_id=order.pk, reason="", at=NOW(), **BY)
    assert not OrderAct.objects.get(order=order, kind="cancel").notify
    settle(order)
    assert mail_kinds(order) == ["order_confirmed"]


@pytest.mark.parametrize("notify", [True, False])
def test_a_job_mails_each_customer_once_or_nobody(*, notify: bool) -> None:
    orders = [shipped_order() for _ in range(3)]
    clerk = a_clerk()
    run("fulfill", orders, clerk, notify=notify)
    assert [mail_kinds(order)[1:] for order in orders] == [["shipped"] if notify else []] * 3
    assert all("1 x Mug" in mail.text for mail in written(kind="shipped"))

    canceled = [paid() for _ in range(3)]
    run("cancel", canceled, clerk, notify=notify)
    assert {order.status for order in Order.objects.filter(pk__in=[each.pk for each in canceled])} == {"canceled"}
    assert [mail_kinds(order)[1:] for order in canceled] == [["canceled"] if notify else []] * 3
    assert all("goes back" in mail.text for mail in written(kind="canceled"))

    run("return", orders, clerk, notify=notify)
    assert [mail_kinds(order)[2 if notify else 1 :] for order in orders] == [["returned"] if notify else []] * 3


def test_a_slice_of_a_job_costs_two_statements_however_many_orders() -> None:
    clerk, counts = a_clerk(), dict[bool, int]()
    for notify in (True, False):
        orders = [shipped_order() for _ in range(4)]
        counts[notify] = len(statements(lambda orders=orders: run("fulfill", orders, clerk, notify=notify)))  # type: ignore[misc]  # noqa: B023
    assert counts[True] == counts[False] + 2


def test_who_cancels_by_hand_what_a_job_has_requested_silently_mails_the_customer() -> None:
    order = paid()
    with notifying(False):
        cancel(order_id=order.pk, reason="", at=NOW(), **BY)
    act = OrderAct.objects.filter(order=order, kind="cancel")
    act.update(of_jobs_only=True)
    cancel(order_id=order.pk, reason="", at=NOW(), **BY)
    assert act.get().notify
    settle(order)
    assert mail_kinds(order) == ["order_confirmed", "canceled"]


def test_a_file_of_tracking_numbers_mails_each_number() -> None:
    one, other = to_send("MUG"), to_send("TEE")
    applied(preview((one.number, "ABC123456"), (other.number, "ABC654321")), a_clerk(actions=("fulfill",)))
    found = {mail.about_id: mail.text for mail in written(kind="shipped")}
    assert "ABC123456" in found[one.pk]
    assert "ABC654321" in found[other.pk]
    assert all(mail.is_mass for mail in written(kind="shipped"))


def test_a_number_that_a_file_corrects_leaves_behind_other_mails_too() -> None:
    order = to_send("MUG")
    fulfill(order_id=order.pk, carrier="Van", at=NOW(), **BY)
    applied(preview((order.number, "ABC123456")), a_clerk(actions=("fulfill",)))
    (mail,) = written(kind="tracking_corrected")
    assert mail.is_mass
    assert "ABC123456" in mail.text


def test_a_file_that_is_to_mail_nobody_mails_nobody() -> None:
    shipped, corrected, by_sku = to_send("MUG"), to_send("TEE"), to_send("CUP")
    fulfill(order_id=corrected.pk, carrier="Van", at=NOW(), **BY)
    before = Mail.objects.count()
    ben = a_clerk(actions=("fulfill",))
    applied(preview((shipped.number, "ABC123456"), (corrected.number, "ABC654321"), notify=False), ben)
    applied(preview((by_sku.number, "ABC777777", "CUP", 1), notify=False), ben)
    assert [numbers(each) for each in (shipped, corrected, by_sku)] == [
        [("Van", ["ABC123456"])], [("Van", ["ABC654321"])], [("Van", ["ABC777777"])],
    ]  # fmt: skip
    assert Mail.objects.count() == before


def test_a_kind_that_is_off_writes_nothing() -> None:
    MailTemplate.objects.create(kind="order_confirmed", enabled=False)
    assert mail_kinds(paid()) == []


def test_the_texts_of_staff_are_used_and_a_broken_one_never_stops_a_mail() -> None:
    MailTemplate.objects.create(kind="order_confirmed", subject="Hurrah, {{ order_number }}", opening="{{ {% if %}")
    order = paid()
    (mail,) = written()
    assert mail.subject == f"Hurrah, {order.number}"
    assert "thank you for your order" in mail.text


def test_what_is_written_once_never_changes() -> None:
    order = paid(customer=make_customer())
    (mail,) = written()
    Customer.objects.filter(pk=order.customer_id).update(first_name="Augusta")
    MailTemplate.objects.create(kind="order_confirmed", subject="Another")
    assert [(each.subject, each.text, each.html) for each in written()] == [(mail.subject, mail.text, mail.html)]
    assert Mail.objects.count() == 1
