"""Print the day: slips and pick lists, who printed what, and what changed since."""

import html
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pypdf import PdfReader

from billing.models import Seller
from ecommerce.models import Fulfillment, Order, OrderEvent, OrderTag, Printout, Sku, Tag
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.history import record
from ecommerce.orders.printing import print_orders, to_pack
from tests.support.admin import order_row
from tests.support.factories import ANA, make_sku
from tests.support.order_acts import paid_lines

pytestmark = pytest.mark.django_db
DAY = "/admin/ecommerce/shipping/print/"
LIST = "/admin/ecommerce/order/"


@pytest.fixture
def packer(as_role: Callable[[str], Client]) -> Client:
    return as_role("Fulfillment")


@pytest.fixture
def mug() -> Sku:
    return make_sku("MUG", shippable=True)


def texts(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def printed(packer: Client, **fields: Any) -> Any:
    return packer.post(DAY, fields, follow=True)


def pdf_pages(answer: Any) -> list[str]:
    assert answer["Content-Type"] == "application/pdf"
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(answer.content)).pages]


def test_the_day_is_printed_once(packer: Client, mug: Sku) -> None:
    first, second = order_row("paid", sku=mug), order_row("paid", sku=mug)
    held = order_row("paid", sku=mug, on_hold=True, hold_reason="Fraud?")
    order_row("paid", sku=mug, attention="A refund failed.")
    order_row("paid")
    assert "2 orders are to be printed" in texts(packer.get(DAY))
    page = printed(packer)
    assert [slip.order for slip in page.context["slips"]] == [first, second]
    assert {order.printout for order in Order.objects.filter(pk__in=[first.pk, second.pk])} == {Printout.objects.get()}
    assert Order.objects.get(pk=held.pk).printout is None
    assert "Nothing is left to print" in texts(packer.get(DAY))
    assert Printout.objects.get().by_label == "fulfillment"


def test_a_slip_says_what_is_packed_for_whom(packer: Client, mug: Sku) -> None:
    tee = make_sku("TEE", shippable=True)
    order = paid_lines((tee, 2), (mug, 3), (make_sku("E-BOOK"), 1))
    Order.objects.filter(pk=order.pk).update(
        shipping_address={"line1": "Main St 1", "country": "US", "delivery_instructions": "Ring twice"}
    )
    fulfill(order_id=order.pk, items=[(order.items.get(sku_code="MUG").pk, 1)], by=ANA, at=timezone.now())
    page = printed(packer)
    (slip,) = page.context["slips"]
    assert [(line.code, line.quantity) for line in slip.lines] == [("MUG", 2), ("TEE", 2)]
    assert (slip.instructions, slip.sent_before, slip.units) == ("Ring twice", "1 x Mug, red", 4)
    shown = texts(page)
    assert f'aria-label="{order.number}"' in shown
    assert "USD" not in shown
    assert "USD" in texts(packer.get(page.request["PATH_INFO"] + "?shown=1&prices=1"))


def test_a_sent_order_has_a_slip_for_each_parcel(packer: Client, mug: Sku) -> None:
    order = paid_lines((mug, 3))
    item = order.items.get()
    fulfill(order_id=order.pk, items=[(item.pk, 1)], carrier="DHL", tracking_number="JD1", by=ANA, at=timezone.now())
    fulfill(order_id=order.pk, by=ANA, at=timezone.now())
    Fulfillment.objects.create(order=order, voided_at=timezone.now(), **ANA.columns)
    page = packer.post(LIST, {"action": "print_orders", "_selected_action": [order.pk]}, follow=True)
    assert [(slip.parcel, slip.units) for slip in page.context["slips"]] == [
        ("Parcel 1 of 2 · DHL · JD1", 1),
        ("Parcel 2 of 2", 2),
    ]


def test_a_pick_list_sums_up_by_code(packer: Client, mug: Sku) -> None:
    tee = make_sku("TEE", shippable=True)
    one, two = paid_lines((tee, 1), (mug, 2)), paid_lines((mug, 3))
    page = printed(packer)
    picks = packer.get(page.request["PATH_INFO"] + "?what=pick").context["picks"]
    assert [(pick.code, pick.quantity, pick.orders) for pick in picks] == [
        ("MUG", 5, [one.number, two.number]),
        ("TEE", 1, [one.number]),
    ]


def test_pick_list_and_slips_go_by_the_bin(packer: Client, mug: Sku) -> None:
    tee, loose = make_sku("TEE", shippable=True), make_sku("BOX", shippable=True)
    Sku.objects.filter(pk=mug.pk).update(bin="B-1")
    Sku.objects.filter(pk=tee.pk).update(bin="A-2")
    paid_lines((mug, 1), (loose, 1), (tee, 1))
    page = printed(packer)
    address = page.request["PATH_INFO"]
    assert [line.code for line in page.context["slips"][0].lines] == ["TEE", "MUG", "BOX"]
    picks = packer.get(f"{address}?what=pick")
    assert [(pick.bin, pick.code) for pick in picks.context["picks"]] == [("A-2", "TEE"), ("B-1", "MUG"), ("", "BOX")]
    assert "A-2" in texts(picks)
    for paper in pdf_pages(packer.get(f"{address}pdf/")):
        assert paper.index("A-2") < paper.index("TEE") < paper.index("B-1") < paper.index("MUG") < paper.index("BOX")


def test_papers_name_the_seller(packer: Client, mug: Sku) -> None:
    Seller.objects.update(name="Ana's Mugs Ltd")
    paid_lines((mug, 1))
    page = printed(packer)
    assert "Ana's Mugs Ltd" in html.unescape(texts(page))
    for paper in pdf_pages(packer.get(f"{page.request['PATH_INFO']}pdf/")):
        assert "Ana's Mugs Ltd" in paper.replace("’", "'")


def test_the_choice_of_day_and_method(packer: Client, mug: Sku) -> None:
    today = order_row("paid", sku=mug, paid_at=timezone.now(), shipping_name="Express")
    order_row("paid", sku=mug, shipping_name="Parcel")
    day = timezone.localdate()
    assert packer.get(f"{DAY}?day={day}").context["count"] == 1
    assert packer.get(f"{DAY}?day=tomorrow").context["form"].errors
    tag = Tag.objects.create(name="Gift")
    OrderTag.objects.create(tag=tag, order=today)
    assert packer.get(f"{DAY}?tag={tag.pk}").context["count"] == 1
    assert packer.get(f"{DAY}?shipping=Parcel").context["form"].errors
    page = printed(packer, day=str(day))
    assert [slip.order for slip in page.context["slips"]] == [today]


def test_ticked_orders_that_are_not_packed_are_named(packer: Client, mug: Sku) -> None:
    good, unpaid = order_row("paid", sku=mug), order_row("created", sku=mug)
    held = order_row("paid", sku=mug, on_hold=True, hold_reason="Fraud?")
    ticked = {"action": "print_orders", "_selected_action": [good.pk, unpaid.pk, held.pk]}
    page = packer.post(LIST, ticked, follow=True)
    assert [slip.order for slip in page.context["slips"]] == [good]
    shown = texts(page)
    assert f"Not printed: {unpaid.number} is created. {held.number} is on hold: Fraud?." in shown


def test_nothing_to_print_leads_back_to_the_list(packer: Client) -> None:
    order = order_row("paid")
    page = packer.post(f"{LIST}?status__exact=paid", {"action": "print_orders", "_selected_action": [order.pk]})
    assert page["Location"] == f"{LIST}?status__exact=paid"
    assert not Printout.objects.exists()


def test_all_that_match_are_bounded(packer: Client, mug: Sku, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.orders.printing.MOST", 1)
    first = order_row("paid", sku=mug)
    order_row("paid", sku=mug)
    across = {"action": "print_orders", "select_across": "1"}
    page = packer.post(f"{LIST}?status__exact=paid", across, follow=True)
    assert "Choose 500 orders at most" in texts(page)
    monkeypatch.setattr("ecommerce.admin.shipping.print_day.MOST", 1)
    assert [slip.order for slip in printed(packer).context["slips"]] == [first]


def test_what_changed_since_is_printed_again(packer: Client, mug: Sku) -> None:
    moved, held, same = (order_row("paid", sku=mug) for _ in range(3))
    page = printed(packer)
    record(moved, OrderEvent.Kind.ADDRESS_CHANGED, by=ANA, at=timezone.now())
    record(same, OrderEvent.Kind.NOTE_ADDED, by=ANA, at=timezone.now())
    Order.objects.filter(pk=held.pk).update(on_hold=True, hold_reason="Fraud?")
    told = {moved.number: "the address was corrected by Ana", held.number: "it is on hold: Fraud?."}
    for answer in (packer.get(DAY), packer.get(page.request["PATH_INFO"])):
        assert {order.number: words for order, words in answer.context["changed"]} == told
    assert "The packing slip is of before: the address was corrected by Ana." in texts(
        packer.get(f"{LIST}{moved.pk}/change/")
    )
    again = printed(packer, again="1")
    assert [slip.order for slip in again.context["slips"]] == [moved]
    assert [order for order, _ in packer.get(DAY).context["changed"]] == [held]


def test_one_pdf_of_a_day_has_the_pick_list_and_the_slips(packer: Client, mug: Sku) -> None:
    tee = make_sku("TEE", shippable=True)
    one, two = paid_lines((tee, 1), (mug, 2)), paid_lines((mug, 3))
    page = printed(packer)
    record(two, OrderEvent.Kind.ADDRESS_CHANGED, by=ANA, at=timezone.now())
    address = f"{page.request['PATH_INFO']}pdf/"
    picks, first, second = pdf_pages(packer.get(address))
    assert "MUG" in picks
    assert f"{one.number}, {two.number}" in picks
    assert (one.number in first, "3 pieces" in first, "USD" in first) == (True, True, False)
    assert f"{two.number} changed since it was printed: the address was corrected by Ana" in picks
    assert "Changed since it was printed: the address was corrected by Ana. Take this slip out of the pile." in second
    for each in (picks, first, second):
        assert re.search(r"Printed \d{4}-\d\d-\d\d \d\d:\d\d \w+ by fulfillment", each)
    assert len(pdf_pages(packer.get(f"{address}?what=pick"))) == 1
    assert "USD" in pdf_pages(packer.get(f"{address}?what=slips&shown=1&prices=1"))[0]
    assert "Take this slip out of the pile." in texts(packer.get(page.request["PATH_INFO"]))


def test_many_slips_are_made_in_parts(packer: Client, mug: Sku, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecommerce.admin.shipping.papers.SLIPS_AT_ONCE", 2)
    orders = [paid_lines((mug, 1)) for _ in range(3)]
    pages = pdf_pages(packer.get(f"{printed(packer).request['PATH_INFO']}pdf/"))
    assert [order.number in page for order, page in zip(orders, pages[1:], strict=True)] == [True] * 3


def test_the_slip_of_one_parcel(packer: Client, mug: Sku) -> None:
    order = paid_lines((mug, 3))
    (item,) = order.items.all()
    fulfill(order_id=order.pk, items=[(item.pk, 1)], carrier="DHL", tracking_number="JD1", by=ANA, at=timezone.now())
    parcel = order.fulfillments.get()
    address = f"/admin/ecommerce/shipping/parcels/{parcel.pk}/slip/"
    assert address in texts(packer.get(f"{LIST}{order.pk}/change/"))
    (page,) = pdf_pages(packer.get(address))
    assert "DHL · JD1" in page
    assert "1 piece in this parcel" in page
    Fulfillment.objects.update(voided_at=timezone.now())
    assert packer.get(address).status_code == 404


def test_texts_of_customers_break_no_paper(packer: Client, mug: Sku) -> None:
    order = paid_lines((mug, 1))
    address = {"name": "محمد 汉字 #panic()", "line1": "W" * 200, "country": "US"}
    address["delivery_instructions"] = "Ring \x07 twice. " * 600
    Order.objects.filter(pk=order.pk).update(shipping_address=address)
    pages = pdf_pages(packer.get(f"{printed(packer).request['PATH_INFO']}pdf/?what=slips"))
    assert len(pages) > 1
    assert "#panic()" in pages[0]
    assert "1 piece in this parcel" in pages[-1]


@pytest.mark.parametrize(("role", "status"), [("Viewer", 403), ("Support", 403), ("Manager", 200), ("nobody", 403)])
def test_who_may_print(as_role: Callable[[str], Client], role: str, status: int) -> None:
    client = as_role(role)
    Printout.objects.create(pk=1, order_ids=[], **ANA.columns)
    for address in ("/admin/ecommerce/shipping/", DAY, f"{DAY}1/pdf/"):
        assert client.get(address).status_code == status
    assert client.post(DAY).status_code == (status if status == 403 else 302)


def test_a_printout_of_many_takes_few_queries(packer: Client, mug: Sku, django_assert_max_num_queries: Any) -> None:
    orders = [order_row("paid", sku=mug) for _ in range(20)]
    print_orders(orders=to_pack(), prices=False, by=ANA, at=timezone.now())
    with django_assert_max_num_queries(16):
        page = packer.get(f"{DAY}{Printout.objects.get().pk}/")
    assert len(page.context["slips"]) == len(orders)
