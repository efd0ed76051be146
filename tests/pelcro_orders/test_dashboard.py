from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ecommerce.models import BulkJob, BulkJobSlice, Order
from tests.support.factories import make_customer, make_sku
from tests.support.forms import sentences
from tests.support.rows import ANA, a_paid_order, a_refund, an_event, an_order

AsRole = Callable[[str], Client]


def test_periods_add_up_each_currency_apart(as_role: AsRole) -> None:
    ada, usd, jpy = make_customer(), make_sku(), make_sku("JP", currency="jpy", price=4500)
    now = timezone.now()
    a_paid_order(ada, usd, at=now)
    a_refund(a_paid_order(ada, jpy, at=now - timedelta(days=3)), 500, at=now)
    a_refund(a_paid_order(ada, usd, at=now - timedelta(days=20)), 700, at=now - timedelta(days=19), status="failed")
    a_paid_order(ada, usd, at=now - timedelta(days=31))
    an_order(ada, usd)

    page = sentences(as_role("Viewer").get("/admin/"))

    assert "Today Orders 2 Revenue USD 30.00 Refunds JPY 500" in page
    assert "7 days Orders 3 Revenue JPY 9,000 USD 30.00 Refunds JPY 500" in page
    assert "30 days Orders 4 Revenue JPY 9,000 USD 60.00 Refunds JPY 500" in page


def test_statuses_and_what_needs_attention(as_role: AsRole) -> None:
    ada, sku = make_customer(), make_sku(stock=2)
    make_sku("GONE", stock=0)
    make_sku("PLENTY", stock=900)
    order = a_paid_order(ada, sku)
    Order.objects.filter(pk=order.pk).update(money_state="refund_failed", attention="The refund failed: <b>closed</b>.")
    an_order(ada, sku)
    BulkJob.objects.create(action="export", status="partial", total=9, **ANA)
    running = BulkJob.objects.create(action="cancel", status="running", total=37, **ANA)
    BulkJobSlice.objects.create(job=running, number=0, order_ids=[], done=3, skipped=1, failed=1)
    an_event(error="x")

    answer = as_role("Manager").get("/admin/")
    page = sentences(answer)

    assert "1 Created 1 Paid 0 Fulfilled 0 Canceled 0 Returned" in page
    assert f"Needs attention 1 Order {order.number} The refund failed: <b>closed</b>." in page
    assert b"<b>closed</b>" not in answer.content
    assert "Export: Partly done" in page
    assert "1 with an error" in page
    assert f"Bulk job {running.pk} Cancel, Ana Running" in page
    assert "5 of 37" in page
    assert "GONE Mug, red sold out MUG-RED Mug, red 2 left" in page
    assert "PLENTY" not in page


@pytest.mark.parametrize("role", ["Viewer", "Support", "Fulfillment", "Finance", "Manager", "admin"])
def test_an_empty_shop(as_role: AsRole, role: str) -> None:
    page = sentences(as_role(role).get("/admin/"))

    assert "Today Orders 0 Revenue – Refunds –" in page
    assert "Nothing: every payment and refund is as its order says." in page
    assert "None. Tick orders in the list" in page
    assert ("New order" in page) is (role in {"Support", "Manager", "admin"})


def test_who_has_no_role_sees_no_figure(as_role: AsRole) -> None:
    a_paid_order(make_customer(), make_sku(stock=1))

    page = sentences(as_role("nobody").get("/admin/"))

    assert "You have no role. Ask an administrator to give you one." in page
    assert "USD" not in page
    assert "MUG-RED" not in page


def test_each_day_has_its_bar(as_role: AsRole) -> None:
    now = timezone.now()
    ada, sku = make_customer(), make_sku()
    for days in (0, 0, 5):
        a_paid_order(ada, sku, at=now - timedelta(days=days))

    orders, revenue = as_role("Viewer").get("/admin/").context["charts"]

    assert [bar.height for bar in orders.bars if bar.height] == [50, 100]
    assert revenue.bars[-1].label == f"{timezone.localdate()}: USD 60.00"
    assert len(orders.bars) == len(revenue.bars) == 30


def test_it_asks_no_more_for_many_than_for_few(as_role: AsRole) -> None:
    browser, ada, sku = as_role("admin"), make_customer(), make_sku()
    few = queries_of(browser)
    for _ in range(8):
        order = a_paid_order(ada, sku)
        Order.objects.filter(pk=order.pk).update(attention="Look.")
        BulkJob.objects.create(action="cancel", status="running", total=1, **ANA)

    assert queries_of(browser) <= few <= 15


def queries_of(browser: Client) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert browser.get("/admin/").status_code == 200
    return len(asked)
