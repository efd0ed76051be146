"""The returns desk: list, search by scanner, and each act's page."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from pypdf import PdfReader

from ecommerce.models import Order, OrderItem, Return, Sku
from tests.support.forms import filled_in, sentences
from tests.support.mailbox import written
from tests.support.order_acts import fresh, items_of, settle
from tests.support.returned import opened, received, sent, two_lines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
LIST = "/admin/ecommerce/return/"
AsRole = Callable[[str], Client]


@pytest.fixture
def support(as_role: AsRole) -> Client:
    return as_role("Support")


def url(one: Return, act: str) -> str:
    return f"{LIST}{one.pk}/{act}/"


def state(one: Return) -> str:
    return str(Return.objects.get(pk=one.pk).status)


def test_the_list_says_what_waits_for_whom(support: Client) -> None:
    one = opened(sent(), 2, approved=False)
    page = support.get(LIST)
    text = sentences(page)
    for word in (one.number, one.order.number, "Ada Lovelace", "2 x Mug, red", "Too small", "approve or decline"):
        assert word in text
    counts = {str(tab["title"]): tab["count"] for tab in page.context["list_tabs"]}
    assert counts == {"All": "1", "Requested": "1", "Approved": "0", "Received": "0", "Closed": "0"}
    assert one.number not in sentences(support.get(LIST, {"status__exact": "approved"}))


@pytest.mark.parametrize("typed", ["{number}", "{number} ", "rma{digits}", "RMA {digits}"])
def test_a_scanned_number_opens_the_receiving_page_at_once(support: Client, typed: str) -> None:
    one = opened(sent(), 1)
    text = typed.format(number=one.number, digits=one.number.removeprefix("RMA-"))
    assert support.get(LIST, {"q": text})["Location"] == url(one, "receive")


def test_without_the_right_to_receive_it_opens_the_return(as_role: AsRole) -> None:
    one, viewer = opened(sent(), 1), as_role("Viewer")
    assert viewer.get(LIST, {"q": one.number})["Location"] == url(one, "change")
    assert viewer.get(url(one, "receive")).status_code == 403


def test_returns_are_found_by_order_and_customer(support: Client) -> None:
    one = opened(sent(), 1)
    for text in (one.order.number, "ada@example.com", "lovelace"):
        assert one.number in sentences(support.get(LIST, {"q": text}))
    assert one.number not in sentences(support.get(LIST, {"q": "nobody"}))


def test_the_number_is_found_in_the_palette_and_among_orders(support: Client) -> None:
    one = opened(sent(), 1)
    assert f"{LIST}{one.pk}/change/" in support.get("/admin/search/", {"s": one.number}).content.decode()
    assert one.order.summary in sentences(support.get("/admin/ecommerce/order/", {"q": one.number.lower()}))


def test_a_return_is_opened_from_the_order(support: Client) -> None:
    order = sent()
    OrderItem.objects.filter(pk=items_of(order)[0].pk).update(final_sale=True)
    assert f"{LIST}open/{order.pk}/" in support.get(f"/admin/ecommerce/order/{order.pk}/change/").content.decode()
    page = support.get(f"{LIST}open/{order.pk}/")
    assert "was sold as a final sale" in sentences(page)
    mugs, shirts = items_of(order)
    typed = filled_in(page) | {f"item_{mugs.pk}": "2", f"item_{shirts.pk}": "", "chosen_reason": "Doesn't fit"}
    support.post(f"{LIST}open/{order.pk}/", typed | {"reason": "too wide"})
    one = Return.objects.get()
    assert (one.status, one.reason, one.by_kind) == ("approved", "Doesn't fit: too wide", "staff")
    assert list(one.items.values_list("item", "quantity")) == [(mugs.pk, 2)]
    assert one.number in sentences(support.get(f"/admin/ecommerce/order/{order.pk}/change/"))


def test_a_form_that_is_sent_twice_opens_one_return(support: Client) -> None:
    order = sent()
    url = f"{LIST}open/{order.pk}/"
    typed = filled_in(support.get(url)) | {f"item_{items_of(order)[0].pk}": "1", "reason": "Too small"}
    assert [support.post(url, typed).status_code for _press in range(2)] == [302, 409]
    assert Return.objects.count() == 1
    assert "return opened by support" in sentences(support.post(url, typed))


def test_no_more_is_opened_than_is_with_the_customer(support: Client) -> None:
    order = sent()
    opened(order, 3, 2)
    assert "Nothing of it is with the customer" in sentences(support.get(f"{LIST}open/{order.pk}/"))
    refused = support.post(f"{LIST}open/{order.pk}/", {"chosen_reason": "", "reason": "", "note": ""})
    assert refused.status_code == 409


def test_approve_and_decline_write_to_the_customer(support: Client) -> None:
    order = sent()
    one, other = opened(order, 1, approved=False), opened(order, 1, approved=False)
    support.post(url(one, "approve"), {"confirmed": "", "answer": "Use the label."})
    empty = support.post(url(other, "decline"), {"confirmed": "", "answer": ""})
    assert "the customer reads it" in sentences(empty)
    support.post(url(other, "decline"), {"confirmed": "", "answer": "It was worn."})
    assert (state(one), state(other)) == ("approved", "declined")
    assert "Use the label." in written(kind="return_approved")[0].text
    assert "It was worn." in written(kind="return_declined")[0].text
    assert "It was worn." in sentences(support.get(url(other, "change")))


def test_receiving_counts_by_condition_and_restocks_what_is_resellable(support: Client) -> None:
    order = sent()
    one = opened(order, 3, 2)
    mugs, shirts = items_of(order)
    page = support.get(url(one, "receive"))
    typed = filled_in(page) | {f"resellable_{mugs.pk}": "1", f"damaged_{mugs.pk}": "1", f"resellable_{shirts.pk}": "1"}
    typed.pop(f"restock_{shirts.pk}")
    typed["complete"] = "on"
    support.post(url(one, "receive"), typed)
    assert state(one) == "received"
    rows = set(one.items.values_list("item", "quantity", "received", "condition", "restock"))
    assert rows == {
        (mugs.pk, 1, 1, "resellable", True),
        (mugs.pk, 1, 1, "damaged", False),
        (mugs.pk, 1, 0, "missing", False),
        (shirts.pk, 1, 1, "resellable", False),
        (shirts.pk, 1, 0, "missing", False),
    }
    assert dict(Sku.objects.values_list("code", "inventory_quantity")) == {"MUG": 8, "TEE": 8}
    shown = sentences(support.get(url(one, "change")))
    assert "Damaged" in shown
    assert "back in stock" in shown
    assert "not put back" in shown


def test_receiving_in_two_goes(support: Client) -> None:
    one = opened(sent(), 2)
    mugs = items_of(one.order)[0]
    nothing = support.post(url(one, "receive"), {"confirmed": "", "complete": "on"})
    assert "Count what has arrived." in sentences(nothing)
    support.post(url(one, "receive"), {"confirmed": "", f"resellable_{mugs.pk}": "1"})
    assert state(one) == "approved"
    too_many = support.post(url(one, "receive"), {"confirmed": "", f"resellable_{mugs.pk}": "2"})
    assert "At most 1." in sentences(too_many)
    support.post(url(one, "receive"), {"confirmed": "", f"damaged_{mugs.pk}": "1"})
    assert state(one) == "received"


def test_closing_shows_the_money_and_names_it_on_the_button(support: Client) -> None:
    one = received(sent(), 2)
    page = support.get(url(one, "close"))
    assert "Close, refund USD 30.00" in sentences(page)
    waits = support.post(url(one, "close"), filled_in(page), follow=True)
    assert "Stripe: confirm the refund, which closes it" in sentences(waits)
    assert url(one, "close") not in waits.content.decode()
    assert "Stripe: confirm the refund, which closes it" in sentences(support.get(LIST))
    assert settle(one.order).amount_refunded == 3000
    assert (state(one), fresh(one.order).status) == ("closed", "fulfilled")
    assert "USD 30.00" in sentences(support.get(url(one, "change")))


def test_fees_are_shown_before_they_are_kept(support: Client) -> None:
    one = received(sent(), 2)
    typed = {"refund": "yes", "restocking_fee": "5.00", "postage_fee": "", "reason": "", "confirmed": ""}
    page = support.post(url(one, "close"), typed, follow=True)
    assert "Close, refund USD 25.00" in sentences(page)
    support.post(url(one, "close"), filled_in(page))
    order = settle(one.order)
    assert (order.amount_refunded, order.fees_kept, state(one)) == (2500, 500, "closed")
    assert "Kept of refunds as fees" in sentences(support.get(f"/admin/ecommerce/order/{order.pk}/change/"))


def test_goods_may_come_back_without_a_refund(support: Client) -> None:
    one = received(sent(), 2)
    typed = {"refund": "no", "restocking_fee": "", "postage_fee": "", "reason": "Replaced", "confirmed": ""}
    support.post(url(one, "close"), typed)
    assert (state(one), fresh(one.order).amount_refunded) == ("closed", 0)


def test_a_withdrawal_has_no_fees_and_a_deadline(support: Client) -> None:
    one = received(sent(), 1, is_withdrawal=True)
    page = support.get(url(one, "close"))
    assert "restocking_fee" not in page.context["form"].fields
    assert "Withdrawal, refund by" in sentences(support.get(url(one, "change")))
    assert "Withdrawal, refund by" in sentences(support.get(LIST))


def test_a_return_is_canceled_and_acts_that_are_over_say_so(support: Client) -> None:
    one = opened(sent(), 1)
    support.post(url(one, "cancel"), {"confirmed": ""})
    assert state(one) == "canceled"
    late = support.get(url(one, "receive"), follow=True)
    assert f"Receive is not possible: return {one.number} is canceled." in sentences(late)


def test_the_slip_carries_the_number_as_a_barcode(support: Client) -> None:
    one = opened(sent(), 1)
    slip = support.get(url(one, "slip"))
    assert f'aria-label="{one.number}"' in slip.content.decode()
    assert "12 St James's Square" in sentences(slip)
    (page,) = PdfReader(BytesIO(support.get(f"{LIST}{one.pk}/slip.pdf").content)).pages
    for words in (one.number, "12 St James's Square", "Mug", "Printed 20"):
        assert words in page.extract_text()


def test_an_order_that_sent_nothing_offers_no_return(support: Client) -> None:
    order = two_lines()
    assert f"{LIST}open/" not in support.get(f"/admin/ecommerce/order/{order.pk}/change/").content.decode()


@pytest.mark.parametrize("role", ["Support", "Finance", "Manager"])
def test_who_handles_returns_refunds_them(as_role: AsRole, role: str) -> None:
    one = received(sent(), 1)
    browser: Any = as_role(role)
    browser.post(url(one, "close"), filled_in(browser.get(url(one, "close"))))
    assert settle(one.order).amount_refunded == 1500


def test_fulfillment_only_looks(as_role: AsRole) -> None:
    one = received(sent(), 1)
    assert as_role("Fulfillment").post(url(one, "close"), {"refund": "no"}).status_code == 403
    assert Order.objects.get().amount_refunded == 0
