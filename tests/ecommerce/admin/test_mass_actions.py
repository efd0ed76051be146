from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.http import HttpRequest
from django.test import Client

from ecommerce.admin.bulk_jobs import mass_actions
from ecommerce.models.order_queryset import OrderQuerySet
from tests.support.admin import LIST, order_row, signed_in, viewer

pytestmark = pytest.mark.django_db
RIGHTS = tuple(f"ecommerce.{act}_order" for act in ("view", "export", "fulfill", "cancel", "return"))
EXPORTS = ["export_orders", "export_items"]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Record mass actions instead of running them."""
    done: list[tuple[str, list[str]]] = []

    def run(_admin: Any, request: HttpRequest, _action: str, orders: OrderQuerySet) -> None:
        done.append((request.POST["action"], sorted(order.number for order in orders)))

    monkeypatch.setattr(mass_actions, "handle_mass_action", run)
    return done


def offered(client: Client, query: str) -> list[str]:
    return [action.name for action in client.get(LIST + query).context["mass_actions"]]


def post(client: Client, query: str, **posted: Any) -> Any:
    return client.post(LIST + query, {"action": "export_orders", "select_across": "0", "index": "0", **posted})


def told(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", [*EXPORTS, "download_invoices", "print_orders"]),
        ("?status__exact=created", EXPORTS),
        ("?status__exact=paid", [*EXPORTS, "fulfill_orders", "cancel_orders", "download_invoices", "print_orders"]),
        ("?status__exact=fulfilled", [*EXPORTS, "return_orders", "download_invoices", "print_orders"]),
        ("?status__exact=canceled", [*EXPORTS, "download_invoices"]),
        ("?status__exact=returned", [*EXPORTS, "download_invoices"]),
        ("?attention=1", [*EXPORTS, "download_invoices"]),
    ],
)
def test_each_tab_offers_its_own(ran: list[Any], query: str, names: list[str]) -> None:
    assert offered(signed_in(*RIGHTS), query) == names


def test_nobody_is_offered_what_they_may_not_do(ran: list[Any]) -> None:
    order_row("paid")
    assert offered(signed_in("ecommerce.view_order", "ecommerce.fulfill_order"), "?status__exact=paid") == [
        "fulfill_orders",
        "print_orders",
    ]
    assert "_selected_action" not in viewer().get(LIST + "?status__exact=paid").content.decode()


def test_ticked_orders_are_meant_whatever_tab_they_are_on_by_now(ran: list[Any]) -> None:
    gone, here, _ = order_row("fulfilled"), order_row("paid"), order_row("paid")
    ticked = [gone.pk, here.pk]
    response = post(signed_in(*RIGHTS), "?status__exact=paid&q=ada", action="fulfill_orders", _selected_action=ticked)
    assert response["Location"] == LIST + "?status__exact=paid&q=ada"
    assert ran == [("fulfill_orders", sorted([gone.number, here.number]))]


def test_all_that_match_are_those_of_the_tab_and_the_search(ran: list[Any]) -> None:
    order_row("created", sku=None)
    matching = [order_row("paid", currency="eur") for _ in range(3)]
    order_row("paid")
    post(signed_in(*RIGHTS), "?status__exact=paid&currency=eur", select_across="1", _selected_action=matching[0].pk)
    assert ran == [("export_orders", sorted(order.number for order in matching))]


@pytest.mark.parametrize(
    ("posted", "said"),
    [
        ({"action": ""}, "Choose one of the mass actions of this tab."),
        ({"action": "delete_selected", "_selected_action": "1"}, "Choose one of the mass actions of this tab."),
        ({"action": "cancel_orders", "_selected_action": "1"}, "Choose one of the mass actions of this tab."),
        ({}, "Tick the orders to work on first."),
        ({"_selected_action": ["x", "-1", "9" * 30, ""]}, "Tick the orders to work on first."),
    ],
)
def test_a_post_that_makes_no_sense_does_nothing_and_says_so(ran: list[Any], posted: Any, said: str) -> None:
    order_row("created")
    response = post(signed_in(*RIGHTS), "?status__exact=created", **posted)
    assert (response.status_code, told(response), ran) == (302, [said], [])


def test_an_action_without_its_permission_is_refused(ran: list[Any]) -> None:
    order = order_row("paid")
    response = post(viewer(), "?status__exact=paid", action="cancel_orders", _selected_action=order.pk)
    assert (response.status_code, ran) == (403, [])


def test_all_that_match_are_offered_where_there_are_more_than_the_page_shows(
    ran: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecommerce.admin.orders.filters.PAGE_SIZES", (2,))
    for _ in range(3):
        order_row("paid")
    client = signed_in(*RIGHTS)
    assert "Select all 3 that match" in client.get(LIST + "?status__exact=paid").content.decode()
    assert "Select all" not in client.get(LIST + "?status__exact=created").content.decode()
