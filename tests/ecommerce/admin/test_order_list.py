import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.models import User
from ecommerce.admin.orders import counts as order_counts
from ecommerce.models import Order
from tests.support.admin import LIST, NOON, numbers, order_row, signed_in, viewer
from tests.support.factories import make_customer

pytestmark = pytest.mark.django_db


def counts(client: Client, query: str = "") -> dict[str, str]:
    return {str(tab.title): tab.count for tab in client.get(LIST + query).context["tabs"]}


def test_each_tab_shows_its_orders_and_its_count() -> None:
    ana = viewer()
    paid, created = order_row("paid"), order_row("created", attention="The refund failed.")
    order_row("fulfilled"), order_row("canceled"), order_row("returned")
    assert numbers(ana, "?status__exact=paid") == [paid.number]
    assert numbers(ana, "?attention=1") == [created.number]
    assert counts(ana) == {
        "All": "5",
        "Created": "1",
        "Paid": "1",
        "Fulfilled": "1",
        "Canceled": "1",
        "Returned": "1",
        "Needs attention": "1",
    }


def test_tabs_keep_the_search_and_count_what_it_finds() -> None:
    ana = viewer()
    order_row("paid", customer=make_customer("grace@example.com", first_name="Grace", last_name="Hopper"))
    order_row("paid")
    response = ana.get(LIST + "?q=hopper")
    assert counts(ana, "?q=hopper")["Paid"] == "1"
    assert {tab.link for tab in response.context["tabs"]} >= {"?q=hopper", "?status__exact=paid&q=hopper"}


def test_counts_stop_at_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    ana = viewer()
    for _ in range(4):
        order_row("paid")
    order_row("created")
    monkeypatch.setattr(order_counts, "BOUND", 2)
    monkeypatch.setattr("backoffice.list_tabs.BOUND", 2)
    assert counts(ana)["Paid"] == "2+"
    assert counts(ana)["Created"] == "1"
    assert counts(ana, "?q=ada&status__exact=paid")["Paid"] == "2+"
    assert counts(ana, "?q=ada&status__exact=created")["Created"] == "1"


def test_pages_lead_forth_and_back_without_losing_or_repeating_an_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.admin.orders.filters.PAGE_SIZES", (2,))
    ana = viewer()
    expected = [order_row().number for _ in range(5)][::-1]
    assert walk(ana, "next") == [expected[:2], expected[2:4], expected[4:]]
    assert walk(ana, "previous", "?last=1") == [expected[3:], expected[1:3], expected[:2]]


def test_the_oldest_come_first_where_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.admin.orders.filters.PAGE_SIZES", (2,))
    ana = viewer()
    expected = [order_row().number for _ in range(3)]
    assert walk(ana, "next", "?sort=oldest") == [expected[:2], expected[2:]]
    assert numbers(ana, "?sort=oldest&last=1") == expected[1:]


def walk(client: Client, way: str, query: str = "") -> list[list[str]]:
    pages = []
    while query is not None:
        context = client.get(LIST + query).context
        pages.append([row.number for row in context["rows"]])
        query = context["links"].get(way)
    return pages


@pytest.mark.parametrize(
    "query",
    [
        "?before=x",
        "?after=-1",
        "?before=99999999999999999999999",
        "?before=0",
        "?per_page=7",
        "?per_page=10000000",
        "?sort=total",
        "?status__exact=lost",
        "?status__exact=lost%27--",
        "?e=1",
        "?o=3.-1&p=9&all=",
        "?customer__email__startswith=a",
        "?created_from=tomorrow",
        "?product=x&coupon=0&customer=9999999999999999999999",
    ],
)
def test_a_parameter_that_makes_no_sense_leaves_the_first_page(query: str) -> None:
    ana = viewer()
    order = order_row()
    assert numbers(ana, query) == [order.number]


def test_a_page_beyond_the_last_order_is_the_first_page() -> None:
    order = order_row()
    assert numbers(viewer(), f"?before={order.pk}") == [order.number]


@pytest.mark.parametrize(("size", "shown"), [("50", 50), ("100", 60), ("200", 60)])
def test_a_page_has_as_many_rows_as_chosen(size: str, shown: int) -> None:
    for _ in range(60):
        order_row()
    assert len(numbers(viewer(), f"?per_page={size}")) == shown


def test_more_rows_ask_no_more_queries() -> None:
    ana = viewer()
    order_row()
    one = queries(ana)
    for _ in range(20):
        order_row("paid", customer=make_customer(f"c{Order.objects.count()}@example.com"))
    assert queries(ana) == one <= 10


def queries(client: Client) -> int:
    with CaptureQueriesContext(connection) as asked:
        client.get(LIST)
    return len(asked)


def test_a_row_shows_money_with_its_currency_and_time_with_its_zone() -> None:
    order_row("canceled", currency="jpy", money_state="refund_pending", created_at=NOON)
    page = viewer().get(LIST).content.decode()
    assert "JPY 4,500" in page
    assert "2026-11-02 12:00 UTC" in page
    assert "Refund pending" in page


def test_names_are_shown_as_text() -> None:
    order_row(customer=make_customer("x@example.com", first_name="<script>alert(1)</script>", last_name=""))
    assert "<script>alert(1)" not in viewer().get(LIST).content.decode()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "No orders yet"),
        ("?q=nobody", "Clear search and filters"),
        ("?status__exact=returned", "No order is returned"),
        ("?attention=1", "Nothing needs attention"),
    ],
)
def test_an_empty_list_says_what_to_do_next(query: str, said: str) -> None:
    assert said in viewer().get(LIST + query).content.decode()


def test_new_is_offered_to_those_who_may_make_orders() -> None:
    assert ">New</a>" in signed_in("ecommerce.view_order", "ecommerce.add_order").get(LIST).content.decode()
    assert ">New</a>" not in viewer().get(LIST).content.decode()


def test_whoever_may_not_see_orders_is_refused() -> None:
    assert signed_in().get(LIST).status_code == 403
    assert Client().get(LIST).status_code == 302


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_each_see_their_own_list() -> None:
    paid, fulfilled = order_row("paid"), order_row("fulfilled")
    clients = {tab: viewer() for tab in ("paid", "fulfilled")}

    def look(tab: str) -> list[str]:
        try:
            # Not from the context: the test client collects those of every thread.
            page = clients[tab].get(f"{LIST}?status__exact={tab}").content.decode()
            return re.findall(r'change/[^"]*">(\d+)</a>', page)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        seen = list(threads.map(look, ["paid", "fulfilled"] * 10))
    assert seen == [[paid.number], [fulfilled.number]] * 10
    assert User.objects.count() == 2


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("name", ["created_from", "created_until"])
def test_a_day_at_the_end_of_the_calendar_is_reported_and_narrows_nothing(name: str, day: str) -> None:
    order = order_row("paid")
    page = viewer().get(f"{LIST}?{name}={day}")
    assert "Ensure this value is" in page.content.decode()
    assert [row.number for row in page.context["rows"]] == [order.number]
