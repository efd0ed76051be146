"""Fulfill, void and correct, as staff do it without a script."""

import re
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from ecommerce.models import Fulfillment, Order, Product
from ecommerce.orders.fulfill import fulfill
from tests.support.admin import LIST, order_row, paid_row, signed_in, viewer
from tests.support.factories import ANA, make_sku
from tests.support.order_acts import counts, fresh, items_of, paid, paid_lines

pytestmark = pytest.mark.django_db
NOW = timezone.now
UPS = "1Z5R89390357567127"


@pytest.fixture
def order() -> Order:
    """A paid order of 3 mugs and 2 shirts."""
    mugs, shirts = make_sku("MUG", shippable=True), make_sku("TEE", shippable=True, image="https://img.test/tee.png")
    Product.objects.filter(pk=mugs.product_id).update(image="https://img.test/mug.png")
    return paid_lines((mugs, 3), (shirts, 2))


@pytest.fixture
def client() -> Client:
    return signed_in("ecommerce.view_order", "ecommerce.fulfill_order", "ecommerce.undo_fulfillment")


def url(order: Order, action: str) -> str:
    return f"{LIST}{order.pk}/{action}/"


def fields(response: Any) -> dict[str, str]:
    """Give what a browser would post of the page."""
    page = response.content.decode()
    form = page[page.index('class="o-form"') : page.index("</form>", page.index('class="o-form"'))]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        is_checked = re.search(r'"\s+checked[\s>/=]', tag) is not None
        if attributes.get("type") == "checkbox" and not is_checked:
            continue
        if "name" in attributes:
            found[attributes["name"]] = attributes.get("value", "on" if is_checked else "")
    return found


def messages(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_the_page_shows_what_is_needed_to_pack(order: Order, client: Client) -> None:
    page = client.get(url(order, "fulfill")).content.decode()
    for shown in ("https://img.test/mug.png", "https://img.test/tee.png", "of 3", "of 2", "12 St James", "Royal Mail"):
        assert shown in page


def test_all_that_is_left_leaves_unless_less_is_typed(order: Order, client: Client) -> None:
    mugs, _shirts = items_of(order)
    form = fields(client.get(url(order, "fulfill")))
    response = client.post(
        url(order, "fulfill"), form | {f"item_0_{mugs.pk}": "1", "tracking_number": f"{UPS}, own van"}
    )
    assert messages(response) == [f"Order {order.number} is partly fulfilled: the rest is still to be sent."]
    parcel = Fulfillment.objects.get()
    assert (parcel.carrier, parcel.tracking_numbers) == ("UPS", [UPS, "own van"])
    assert counts(order) == [(1, 0, 0), (2, 0, 0)]
    page = client.get(f"{LIST}{order.pk}/change/").content.decode()
    for shown in (
        "Partly fulfilled",
        "1 sent, 2 left to send",
        "https://www.ups.com/track?tracknum=" + UPS,
        "Parcel 1",
    ):
        assert shown in page
    form = fields(client.get(url(order, "fulfill")))
    response = client.post(url(order, "fulfill"), form)
    assert messages(response) == [f"Order {order.number} is fulfilled."]
    assert fresh(order).status == "fulfilled"


def test_a_second_parcel_takes_what_the_first_leaves(order: Order, client: Client) -> None:
    mugs, shirts = items_of(order)
    form = fields(client.get(url(order, "fulfill")))
    asked = client.post(url(order, "fulfill"), form | {f"item_0_{mugs.pk}": "1", "add_parcel": "1"})
    assert (asked.status_code, Fulfillment.objects.count()) == (200, 0)
    form = fields(asked)
    assert (form[f"item_0_{mugs.pk}"], form[f"item_1_{mugs.pk}"], form[f"item_1_{shirts.pk}"]) == ("1", "2", "0")
    client.post(url(order, "fulfill"), form | {"carrier_1": "GLS", "tracking_number_1": "12345678901"})
    assert (fresh(order).status, counts(order)) == ("fulfilled", [(3, 0, 0), (2, 0, 0)])
    assert [parcel.carrier for parcel in order.fulfillments.order_by("pk")] == ["", "GLS"]


def test_the_button_pressed_twice_sends_once_and_says_who_was_first(order: Order, client: Client) -> None:
    mugs, _shirts = items_of(order)
    form = fields(client.get(url(order, "fulfill"))) | {f"item_0_{mugs.pk}": "1"}
    client.post(url(order, "fulfill"), form)
    again = client.post(url(order, "fulfill"), form)
    assert again.status_code == 409
    assert "has changed since this page was opened (partly fulfilled by" in again.content.decode()
    assert Fulfillment.objects.count() == 1


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"carrier": "UPS", "tracking_number": "1Z5R89390357567128"}, "The check digit of 1Z5R89390357567128 is wrong"),
        ({"carrier": "dhl", "tracking_number": UPS}, f"{UPS} is a number of UPS, not of DHL."),
    ],
)
def test_a_mistyped_number_is_told_and_kept_if_it_is_right(
    order: Order, client: Client, typed: dict[str, str], told: str
) -> None:
    form = fields(client.get(url(order, "fulfill"))) | typed
    asked = client.post(url(order, "fulfill"), form)
    assert told in asked.content.decode()
    assert Fulfillment.objects.count() == 0
    client.post(url(order, "fulfill"), fields(asked) | {"accept_numbers": "on"})
    assert Fulfillment.objects.get().tracking_number == typed["tracking_number"]


def test_a_parcel_without_items_or_with_too_many_is_refused(order: Order, client: Client) -> None:
    mugs, shirts = items_of(order)
    form = fields(client.get(url(order, "fulfill")))
    empty = client.post(url(order, "fulfill"), form | {f"item_0_{item.pk}": "0" for item in (mugs, shirts)})
    assert "Say what is in the parcel." in empty.content.decode()
    more = form | {"parcels": "2", f"item_1_{mugs.pk}": "1", f"item_1_{shirts.pk}": "0"}
    assert "are left to send, and the parcels hold 4." in client.post(url(order, "fulfill"), more).content.decode()
    for bad in ({"parcels": "x"}, {f"item_0_{mugs.pk}": "99"}, {f"item_0_{mugs.pk}": "-1"}):
        assert client.post(url(order, "fulfill"), form | bad).status_code == 200
    assert (fresh(order).status, Fulfillment.objects.count()) == ("paid", 0)


def test_what_is_not_shipped_is_fulfilled_without_a_parcel(client: Client) -> None:
    order = paid()
    asked = client.get(url(order, "fulfill"))
    assert "nothing of it is shipped" in asked.content.decode()
    client.post(url(order, "fulfill"), fields(asked))
    assert (fresh(order).status, Fulfillment.objects.count()) == ("fulfilled", 0)
    asked = client.get(url(order, "undo_fulfillment"))
    client.post(url(order, "undo_fulfillment"), fields(asked) | {"reason": "Wrong order"})
    assert fresh(order).status == "paid"


def test_an_order_on_hold_says_so(order: Order, client: Client) -> None:
    form = fields(client.get(url(order, "fulfill")))
    Order.objects.filter(pk=order.pk).update(on_hold=True, hold_reason="Wrong address")
    assert "on hold: Wrong address" in client.post(url(order, "fulfill"), form).content.decode()
    assert messages(client.get(url(order, "fulfill"))) == [
        f"Order {order.number} is on hold: Wrong address. Release it first."
    ]


# Void and correct


def test_a_parcel_is_voided_from_the_order_page(order: Order, client: Client) -> None:
    mugs, _shirts = items_of(order)
    fulfill(order_id=order.pk, items=[(mugs.pk, 2)], carrier="UPS", tracking_number=UPS, by=ANA, at=NOW())
    fulfill(order_id=order.pk, by=ANA, at=NOW())
    first, second = order.fulfillments.order_by("pk")
    page = client.get(f"{LIST}{order.pk}/change/").content.decode()
    assert f"undo_fulfillment/?parcel={first.pk}" in page
    assert f"correct_tracking/?parcel={first.pk}" in page
    asked = client.get(f"{url(order, 'undo_fulfillment')}?parcel={first.pk}")
    form = fields(asked)
    assert (f"parcel_{first.pk}" in form, f"parcel_{second.pk}" in form) == (True, False)
    assert "required" in client.post(url(order, "undo_fulfillment"), form).content.decode()
    client.post(url(order, "undo_fulfillment"), form | {"reason": "Left behind"})
    assert (fresh(order).status, fresh(order).fulfillment_state) == ("paid", "partial")
    page = client.get(f"{LIST}{order.pk}/change/").content.decode()
    assert "Void: it was not sent." in page
    assert "Left behind" in page
    assert "parcel=" not in viewer().get(f"{LIST}{order.pk}/change/").content.decode()


def test_a_number_is_corrected_from_the_order_page(order: Order, client: Client) -> None:
    fulfill(order_id=order.pk, carrier="UPS", tracking_number=UPS, by=ANA, at=NOW())
    parcel = Fulfillment.objects.get()
    asked = client.get(f"{url(order, 'correct_tracking')}?parcel={parcel.pk}")
    form = fields(asked)
    assert (form["carrier"], form["tracking_numbers"]) == ("UPS", UPS)
    typed = form | {"tracking_numbers": "1Z410E7W0392751591", "reason": "Typo"}
    assert messages(client.post(url(order, "correct_tracking"), typed)) == [
        f"The tracking of order {order.number} is corrected."
    ]
    parcel.refresh_from_db()
    assert parcel.tracking_number == "1Z410E7W0392751591"
    wrong = client.post(url(order, "correct_tracking"), typed | {"parcel": "0"})
    assert "There is no such parcel any more" in wrong.content.decode()


# The list


def found(client: Client, query: str) -> set[str]:
    return {row.number for row in client.get(LIST + query).context["rows"]}


def test_partly_fulfilled_orders_have_a_tab_within_paid() -> None:
    client = viewer()
    order_row("paid")
    assert list(client.get(LIST + "?status__exact=paid").context["subtabs"]) == []
    partly = order_row("paid", fulfillment_state="partial")
    response = client.get(LIST + "?status__exact=paid")
    assert [(str(tab.title), tab.count, tab.active) for tab in response.context["subtabs"]] == [
        ("All paid", "", True), ("Partly fulfilled", "1", False),
    ]  # fmt: skip
    assert response.content.decode().count("Partly fulfilled") == 2
    query = response.context["subtabs"][1].link
    assert query == "?status__exact=paid&fulfillment_state=partial"
    assert found(client, query) == {partly.number}
    assert "fulfillment_state" not in "".join(tab.link for tab in client.get(LIST + query).context["tabs"])


def test_every_tracking_number_is_found_however_it_is_typed() -> None:
    order, client = paid_row(), viewer()
    numbers = {"tracking_number": UPS, "further_tracking_numbers": ["00340434161094042557", "3SABCD1234567"]}
    Fulfillment.objects.create(order=order, carrier="UPS", **numbers, **ANA.columns)
    for typed in ("1z5r8 9390 3575 67127", "1Z5R8939", "0034 0434 1610 9404 2557", "3sabcd-1234567"):
        assert found(client, f"?q={typed}") == {order.number}, typed
    assert found(client, "?q=00340434161094042558") == set()
