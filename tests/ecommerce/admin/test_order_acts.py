from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from billing.models import Payment, Refund
from ecommerce.admin.orders.actions import ORDER_ACTIONS
from ecommerce.models import Order, OrderAct
from ecommerce.orders.cancel import cancel
from ecommerce.orders.execute import execute_act
from ecommerce.orders.fulfill import fulfill
from tests.support.admin import LIST, signed_in
from tests.support.factories import ANA, make_customer, make_sku, place_order
from tests.support.order_acts import counts, items_of
from tests.support.returned import two_lines

pytestmark = pytest.mark.django_db

BY_NAME = {action.name: action for action in ORDER_ACTIONS}


def url(order: Order, act: str) -> str:
    return f"{LIST}{order.pk}/{act}/"


def somebody(*acts: str) -> Client:
    return signed_in("ecommerce.view_order", *(BY_NAME[act].permissions[0] for act in acts))


def press(client: Client, order: Order, act: str, **typed: Any) -> HttpResponse:
    asked = client.get(url(order, act))
    assert asked.status_code == 200
    return client.post(url(order, act), {"confirmed": asked.context["amount"], **typed})  # type: ignore[return-value]


def settled(order: Order) -> Order:
    for act in OrderAct.objects.filter(order=order, closed_at=None):
        execute_act(act=act, at=timezone.now())
    return Order.objects.get(pk=order.pk)


@pytest.fixture
def order(balanced: Callable[[], None]) -> Order:
    return place_order(customer=make_customer(), sku=make_sku(price=4500))


def test_fulfill_keeps_how_it_was_sent(order: Order) -> None:
    response = press(somebody("fulfill"), order, "fulfill", carrier="DHL", tracking_number="JD01")
    assert response["Location"] == f"{LIST}{order.pk}/change/"
    order = Order.objects.get()
    assert (order.status, order.fulfillments.get().carrier, order.fulfillments.get().by_label) == (
        "fulfilled",
        "DHL",
        "Ana",
    )


def test_cancel_names_the_money_and_sends_it_back(order: Order) -> None:
    client = somebody("cancel")
    asked = client.get(url(order, "cancel")).content.decode()
    assert "USD 45.00 goes back to Visa •••• 4242." in asked
    assert "Cancel order, refund USD 45.00" in asked
    page = client.post(url(order, "cancel"), {"confirmed": "4500", "reason": "Twice"}, follow=True)
    assert "Refund in progress" in page.content.decode()
    assert settled(order).status == "canceled"
    assert order.acts.get(kind="cancel").reason == "Twice"


def test_cancel_of_an_order_that_was_never_paid_sends_nothing_back(balanced: Callable[[], None]) -> None:
    order = place_order(customer=make_customer(), token="pm_card_chargeDeclined")
    client = somebody("cancel")
    assert "no money goes back" in client.get(url(order, "cancel")).content.decode()
    assert press(client, order, "cancel").status_code == 302
    assert Order.objects.get().status == "canceled"


def test_items_are_canceled_once_their_money_was_shown(balanced: Callable[[], None]) -> None:
    order = two_lines()
    mugs, shirts = items_of(order)
    client = somebody("cancel_items")
    assert "Cancel items" in client.get(f"{LIST}{order.pk}/change/").content.decode()
    typed = {f"item_{mugs.pk}": "1", f"item_{shirts.pk}": "2", "reason": "Sold out"}
    shown = client.get(url(order, "cancel_items"), {"confirmed": "", **typed})
    text = shown.content.decode()
    assert "USD 55.00 goes back to Visa" in text
    assert "Cancel items, refund USD 55.00" in text
    posted = {"confirmed": "5500", **typed, **shown.context["form"].hidden_values}
    for _press in range(2):
        client.post(url(order, "cancel_items"), posted)
    order = settled(order)
    assert (order.status, order.amount_refunded, counts(order)) == ("paid", 5500, [(0, 1, 0), (0, 2, 0)])
    again = client.post(url(order, "cancel_items"), posted)
    assert (again.status_code, counts(order)) == (409, [(0, 1, 0), (0, 2, 0)])


def test_all_that_is_left_cancels_the_order_and_says_so(balanced: Callable[[], None]) -> None:
    order = two_lines()
    mugs, shirts = items_of(order)
    client = somebody("cancel_items")
    typed = {f"item_{mugs.pk}": "3", f"item_{shirts.pk}": "2"}
    shown = client.get(url(order, "cancel_items"), {"confirmed": "", **typed})
    assert "the whole order is canceled" in shown.content.decode()
    too_many = client.get(url(order, "cancel_items"), {"confirmed": "", f"item_{mugs.pk}": "4"})
    assert "At most 3 can go back." in too_many.content.decode()
    client.post(url(order, "cancel_items"), {"confirmed": "8500", **typed})
    assert settled(order).status == "canceled"


def test_return_puts_back_in_stock_unless_unticked(balanced: Callable[[], None]) -> None:
    sku = make_sku(stock=5)
    kept, back = (place_order(customer=make_customer(f"{name}@example.com"), sku=sku) for name in ("a", "b"))
    client = somebody("return")
    for order, typed in ((kept, {}), (back, {"restock": "on"})):
        fulfill(order_id=order.pk, by=ANA, at=timezone.now())
        press(client, order, "return", **typed)
        assert settled(order).status == "returned"
    sku.refresh_from_db()
    assert sku.inventory_quantity == 4


def test_a_refund_is_shown_before_it_is_sent(order: Order) -> None:
    client = somebody("refund")
    shown = client.get(url(order, "refund"), {"confirmed": "", "amount": "12.50", "reason": "Late"})
    assert "USD 12.50 goes back to Visa" in shown.content.decode()
    assert "Late</textarea>" in shown.content.decode()
    assert not order.acts.filter(kind="refund").exists()
    client.post(url(order, "refund"), {"confirmed": "1250", "amount": "12.50", "reason": "Late"})
    order = settled(order)
    assert (order.status, order.amount_refunded) == ("paid", 1250)


def test_pressing_refund_twice_refunds_once_even_after_the_first_is_through(order: Order) -> None:
    client = somebody("refund")
    shown = client.post(url(order, "refund"), {"amount": "12.50"}, follow=True)
    assert 'name="left_before" value="4500"' in shown.content.decode()
    pressed = {"confirmed": "1250", "amount": "12.50", "left_before": "4500"}
    assert client.post(url(order, "refund"), pressed).status_code == 302
    assert settled(order).amount_refunded == 1250
    again = client.post(url(order, "refund"), pressed)
    assert again.status_code == 409
    assert "the last refund is USD 12.50, by Ana at" in again.content.decode()
    assert "USD 32.50 can still be refunded. Nothing more was sent." in again.content.decode()
    assert (settled(order).amount_refunded, order.acts.filter(kind="refund").count()) == (1250, 1)
    assert 'name="left_before" value="3250"' in again.content.decode()


def test_items_are_refunded_at_what_was_paid_for_them(balanced: Callable[[], None]) -> None:
    order = place_order(customer=make_customer(), quantity=3)
    typed = {f"item_{order.items.get().pk}": "1", "confirmed": "1500"}
    assert somebody("refund").post(url(order, "refund"), typed).status_code == 302
    assert settled(order).amount_refunded == 1500


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Choose items or the shipping, or give an amount, or take all that is left."),
        ({"amount": "1", "item": "1"}, "Choose items or the shipping, or give an amount, or take all that is left."),
        ({"amount": "1", "rest": "on"}, "Choose items or the shipping, or give an amount, or take all that is left."),
        ({"amount": "12,5"}, "is not an amount"),
        ({"amount": "99"}, "At most USD 45.00 can still be refunded."),
        ({"amount": "99", "confirmed": "9900"}, "At most USD 45.00 can still be refunded."),
        ({"amount": "0"}, "Give an amount above zero: USD 45.00 can still be refunded."),
        ({"item": "2"}, "At most 1 can go back."),
    ],
)
def test_a_refund_that_can_not_be_says_why(order: Order, typed: dict[str, str], said: str) -> None:
    item = f"item_{order.items.get().pk}"
    posted = {item if name == "item" else name: value for name, value in typed.items()}
    client, sent = somebody("refund"), {"reason": "I typed this", "confirmed": "", **posted}
    for answer in (client.get(url(order, "refund"), sent), client.post(url(order, "refund"), sent)):
        page = answer.content.decode()
        assert said in page
        assert "I typed this" in page
        assert "Show what goes back" in page  # and no button that would send it
    assert not order.acts.filter(kind="refund").exists()


def test_an_amount_that_changed_meanwhile_is_shown_again(order: Order) -> None:
    page = somebody("cancel").post(url(order, "cancel"), {"confirmed": "9900", "reason": "Twice"}, follow=True)
    assert page.redirect_chain  # so that a reload sends nothing
    assert "The amount is another one now." in page.content.decode()
    assert "Twice" in page.content.decode()
    assert page.context["amount"] == 4500
    assert Order.objects.get().money_state == ""


def test_an_amount_off_the_currencys_step_is_refused_before_anything_is_asked(balanced: Callable[[], None]) -> None:
    order = place_order(customer=make_customer(), sku=make_sku(price=45000, currency="kwd"))
    page = somebody("refund").get(url(order, "refund"), {"confirmed": "", "amount": "1.001"}).content.decode()
    assert "Show what goes back" in page
    assert "KWD" in page
    assert "o-error" in page


def test_who_came_too_late_reads_who_was_first_and_loses_nothing(order: Order) -> None:
    client = somebody("fulfill")
    assert client.get(url(order, "fulfill")).status_code == 200
    fulfill(order_id=order.pk, by=ANA, at=timezone.now())
    late = client.post(url(order, "fulfill"), {"carrier": "My carrier"})
    assert late.status_code == 409
    assert f"Order {order.number} is fulfilled (by Ana at" in late.content.decode()
    assert "My carrier" in late.content.decode()


def test_an_act_that_is_not_possible_now_says_what_happened_last(order: Order) -> None:
    cancel(order_id=order.pk, reason="", by=ANA, at=timezone.now())
    page = somebody("fulfill").get(url(order, "fulfill"), follow=True)
    assert "Fulfill is not possible" in page.content.decode()
    assert "Cancellation requested; USD 45.00 goes back, by Ana" in page.content.decode()


def test_pressing_twice_cancels_once(order: Order) -> None:
    client = somebody("cancel")
    answers = [client.post(url(order, "cancel"), {"confirmed": "4500"}).status_code for _ in range(2)]
    assert answers == [302, 302]
    assert settled(order).status == "canceled"
    assert order.acts.filter(kind="cancel").count() == 1


def test_a_failed_refund_is_tried_again_or_settled_outside() -> None:
    order = place_order(customer=make_customer(), sku=make_sku(price=4500))
    cancel(order_id=order.pk, reason="", by=ANA, at=timezone.now())
    act = order.acts.get(kind="cancel")
    Refund.objects.filter(act=act).update(status="failed", closed_at=timezone.now(), next_attempt_at=None)
    OrderAct.objects.filter(pk=act.pk).update(closed_at=timezone.now(), outcome="failed")
    Order.objects.filter(pk=order.pk).update(money_state="refund_failed", attention="The refund failed.")
    client = somebody("settle_outside")
    assert "The refund of USD 45.00 failed." in client.get(url(order, "try_again")).content.decode()
    assert "This field is required." in press(client, order, "settle_outside").content.decode()
    press(client, order, "settle_outside", note="Bank transfer")
    order = Order.objects.get()
    assert (order.status, order.amount_refunded, order.attention) == ("canceled", 4500, "")


def test_check_asks_stripe_about_what_has_no_end_yet(order: Order) -> None:
    cancel(order_id=order.pk, reason="", by=ANA, at=timezone.now())
    press(somebody("cancel", "check"), order, "check")
    assert Order.objects.get().status == "canceled"


def test_acts_are_protected_against_forged_posts(order: Order) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = somebody("fulfill").cookies
    assert client.post(url(order, "fulfill")).status_code == 403
    assert Order.objects.get().status == "paid"


def test_what_needs_attention_is_fulfilled_all_the_same_by_permission(order: Order) -> None:
    Order.objects.update(attention="The bank disputes this payment.")
    plain, manager = somebody("fulfill"), somebody("fulfill", "fulfill_anyway")
    said = plain.get(url(order, "fulfill"), follow=True).content.decode()
    assert "The bank disputes this payment. Settle that first, or fulfill it all the same." in said
    assert "Fulfill all the same" not in plain.get(f"{LIST}{order.pk}/change/").content.decode()
    for act in ("fulfill", "fulfill_anyway"):
        assert plain.post(url(order, act), {}).status_code == (409 if act == "fulfill" else 403)
        assert Order.objects.get().status == "paid"
    assert "Fulfill all the same" in manager.get(f"{LIST}{order.pk}/change/").content.decode()
    assert "The bank disputes this payment." in manager.get(url(order, "fulfill_anyway")).content.decode()
    press(manager, order, "fulfill_anyway", carrier="DHL")
    assert (Order.objects.get().status, Order.objects.get().fulfillments.get().carrier) == ("fulfilled", "DHL")


def test_cancel_of_a_disputed_order_says_beforehand_that_stripe_will_refuse(order: Order) -> None:
    Payment.objects.update(dispute="open")
    page = somebody("cancel").get(url(order, "cancel")).content.decode()
    assert "Stripe will refuse to refund it" in page
    Payment.objects.update(dispute="won")
    assert "Stripe will refuse" not in somebody("cancel").get(url(order, "cancel")).content.decode()
