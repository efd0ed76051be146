"""Scan to pack, as each scan is posted: counted, stopped, taken over, sent."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers.actors import Actor
from ecommerce.models import Order, Packing
from ecommerce.orders import packing
from ecommerce.orders.fulfill import fulfill
from tests.support.factories import ANA, make_sku, make_user
from tests.support.order_acts import at_once, fresh, paid_lines, refused
from tests.support.tracking_files import numbers, to_send

pytestmark = pytest.mark.django_db
SCAN = "/admin/ecommerce/shipping/scan/"


@pytest.fixture
def packer(as_role: Callable[[str], Client]) -> Client:
    return as_role("Fulfillment")


def texts(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def begin(packer: Client, order: Order, **more: str) -> Any:
    return packer.post(SCAN, {"code": f" {order.number}", **more}, follow=True)


def scan(packer: Client, order: Order, code: str) -> Any:
    return packer.post(f"{SCAN}{order.pk}/", {"code": code}, follow=True)


def act(packer: Client, order: Order, name: str, **more: str) -> Any:
    return packer.post(f"{SCAN}{order.pk}/", {name: "1", **more}, follow=True)


def counts(answer: Any) -> list[tuple[str, int]]:
    return [(line["item"].sku_code, line["counted"]) for line in answer.context["lines"]]


def test_the_last_item_sends_the_order_and_shows_its_slip(packer: Client) -> None:
    order = paid_lines((make_sku("MUG", shippable=True), 2), (make_sku("TEE", shippable=True), 1), (make_sku("PDF"), 1))
    page = begin(packer, order)
    assert counts(page) == [("MUG", 0), ("TEE", 0)]
    assert "0</b> of 3" in texts(page)
    scan(packer, order, "mug")
    scan(packer, order, "TEE ")
    assert counts(packer.get(f"{SCAN}{order.pk}/")) == [("MUG", 1), ("TEE", 1)]
    sent = scan(packer, order, "MUG")
    assert (fresh(order).status, Packing.objects.count()) == ("fulfilled", 0)
    assert f"Order {order.number} is packed" in texts(sent)
    assert [(line.code, line.quantity) for line in sent.context["slip"].lines] == [("MUG", 2), ("TEE", 1)]
    assert sent.context["asks_number"] is False


def test_a_wrong_item_stops_until_it_is_out(packer: Client) -> None:
    order = to_send("MUG", 2)
    begin(packer, order)
    stopped = scan(packer, order, "TEE")
    assert "Wrong item: TEE is not in this order. Take it out." in texts(stopped)
    assert stopped.context["sound"] == "stop"
    assert counts(scan(packer, order, "MUG")) == [("MUG", 0)]
    assert "Wrong item: TEE" in texts(packer.get(f"{SCAN}{order.pk}/"))
    act(packer, order, "acknowledge")
    assert counts(scan(packer, order, "MUG")) == [("MUG", 1)]


def test_one_too_many_stops(packer: Client) -> None:
    order = paid_lines((make_sku("MUG", shippable=True), 1), (make_sku("TEE", shippable=True), 1))
    begin(packer, order)
    scan(packer, order, "MUG")
    assert "One too many: Mug, red (MUG) is complete already." in texts(scan(packer, order, "MUG"))
    assert fresh(order).status == "paid"


def test_lines_of_one_sku_are_filled_one_after_the_other(packer: Client) -> None:
    mug = make_sku("MUG", shippable=True)
    order = paid_lines((mug, 1), (make_sku("TEE", shippable=True), 1))
    order.items.filter(sku_code="TEE").update(sku_code="MUG")
    begin(packer, order)
    scan(packer, order, "MUG")
    scan(packer, order, "MUG")
    assert fresh(order).status == "fulfilled"


def test_the_number_is_asked_for_where_that_is_wished(packer: Client) -> None:
    order = to_send("MUG", 1)
    begin(packer, order, asks_number="on")
    page = scan(packer, order, "MUG")
    assert fresh(order).status == "paid"
    assert "Scan the tracking number" in texts(page)
    wrong = act(packer, order, "send", tracking_number="1Z999AA10123456785", carrier="UPS")
    assert "check digit" in texts(wrong)
    assert fresh(order).status == "paid"
    sent = act(packer, order, "send", tracking_number="1Z999AA10123456784")
    assert numbers(order) == [("UPS", ["1Z999AA10123456784"])]
    assert sent.context["asks_number"] is True


def test_a_part_is_sent_alone(packer: Client) -> None:
    order = to_send("MUG", 3)
    begin(packer, order)
    scan(packer, order, "MUG")
    page = act(packer, order, "send")
    assert "A part of it is still to be sent." in texts(page)
    assert (fresh(order).status, fresh(order).fulfillment_state) == ("paid", "partial")
    assert page.context["slip"].units == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"on_hold": True, "hold_reason": "Fraud?"}, "is on hold"),
        ({"attention": "A refund failed."}, "needs attention: A refund failed."),
    ],
)
def test_what_is_not_packed_is_refused_at_the_scan(packer: Client, fields: dict[str, Any], said: str) -> None:
    order = to_send()
    Order.objects.filter(pk=order.pk).update(**fields)
    page = begin(packer, order)
    assert said in page.context["alarm"]
    assert page.context["sound"] == "stop"
    assert not Packing.objects.exists()


def test_unknown_and_sent_orders_are_refused(packer: Client) -> None:
    assert "There is no order 999999." in packer.post(SCAN, {"code": "999999"}).context["alarm"]
    order = to_send()
    fulfill(order_id=order.pk, by=ANA, at=timezone.now())
    assert "only a paid order can be fulfilled" in begin(packer, order).context["alarm"]


def test_the_second_person_is_told(packer: Client, as_role: Callable[[str], Client]) -> None:
    order, other = to_send("MUG", 3), as_role("Manager")
    begin(packer, order)
    scan(packer, order, "MUG")
    page = begin(other, order)
    assert "fulfillment packs this order" in texts(page)
    assert "manager packs this order" not in texts(scan(other, order, "MUG"))
    act(other, order, "take_over")
    assert counts(scan(other, order, "MUG")) == [("MUG", 2)]
    told = scan(packer, order, "MUG")
    assert "manager packs this order now. Nothing was counted." in texts(told)
    assert counts(told) == [("MUG", 2)]


def test_what_was_canceled_meanwhile_is_not_sent(packer: Client) -> None:
    order = to_send("MUG", 2)
    begin(packer, order, asks_number="on")
    scan(packer, order, "MUG")
    scan(packer, order, "MUG")
    order.items.update(canceled=1)
    page = act(packer, order, "send")
    assert "1 are left to send, not 2" in texts(page)
    assert (fresh(order).status, order.fulfillments.count()) == ("paid", 0)


def test_put_aside_nothing_is_kept(packer: Client) -> None:
    order = to_send("MUG", 2)
    begin(packer, order)
    scan(packer, order, "MUG")
    assert act(packer, order, "aside").request["PATH_INFO"] == SCAN
    assert counts(begin(packer, order)) == [("MUG", 0)]
    act(packer, order, "aside")
    assert "is not being packed any more" in texts(scan(packer, order, "MUG"))


def test_a_script_is_told_where_to_go(packer: Client) -> None:
    order = to_send("MUG", 2)
    begin(packer, order)
    fragment = packer.post(f"{SCAN}{order.pk}/", {"code": "MUG"}, headers={"X-Fragment": "packing"})
    assert fragment.content.decode().strip().startswith('<div id="packing"')
    last = packer.post(f"{SCAN}{order.pk}/", {"code": "MUG"}, headers={"X-Fragment": "packing"})
    assert last["X-Location"].startswith(f"{SCAN}?sent=")


def test_only_packers_scan(as_role: Callable[[str], Client]) -> None:
    assert as_role("Viewer").get(SCAN).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_scans_at_once_are_all_counted_and_sent_once() -> None:
    order = to_send("MUG", 4)
    ben = Actor.staff(make_user("ben"))
    packing.start(order_id=order.pk, by=ben)
    at_once(*[partial(packing.scan, order_id=order.pk, code="MUG", by=ben)] * 4)
    assert list(Packing.objects.get().counts.values()) == [4]
    send = partial(packing.finish, order_id=order.pk, carrier="", tracking_number="", by=ben, at=timezone.now())
    assert sorted(at_once(*[send] * 3)) == ["done", "not_packing", "not_packing"]
    assert order.fulfillments.count() == 1


def test_nothing_scanned_is_no_parcel() -> None:
    order = to_send()
    packing.start(order_id=order.pk, by=ANA)
    with refused("invalid_items"):
        packing.finish(order_id=order.pk, carrier="", tracking_number="", by=ANA, at=timezone.now())
