import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing.models import Refund
from ecommerce.admin.orders.actions import ORDER_ACTIONS
from ecommerce.admin.orders.order_action import OrderAction
from ecommerce.admin.orders.timeline import SENTENCES, timeline, timeline_entry
from ecommerce.models import Fulfillment, Order, OrderEvent
from tests.support.admin import LIST, NOON, order_row, paid_row, signed_in, viewer
from tests.support.factories import make_coupon, make_customer, make_sku

pytestmark = pytest.mark.django_db


def page_of(order: Order, client: Client) -> str:
    response = client.get(f"{LIST}{order.pk}/change/")
    assert response.status_code == 200
    return response.content.decode()


def event(order: Order, kind: str, **data: object) -> OrderEvent:
    return OrderEvent.objects.create(order=order, kind=kind, at=NOON, data=data, by_kind="staff", by_label="Ana")


def refund_of(order: Order, **fields: object) -> Refund:
    payment = order.invoice.payments.get()  # type: ignore[union-attr]
    known = {"amount": 500, "currency": "usd", "by_kind": "staff", "by_label": "Ana", "status": "failed"}
    return Refund.objects.create(payment=payment, **(known | fields))


def test_it_shows_what_was_ordered_paid_and_refunded() -> None:
    order = paid_row(
        sku=make_sku("MUG-RED"),
        coupon=make_coupon(),
        subtotal=5000,
        discount=500,
        amount_refunded=700,
        shipping_address={"name": "Ada Lovelace", "line1": "12 Square", "city": "London", "country": "GB"},
    )
    refund_of(order, reason="Chipped", failure_message="The card is closed.", stripe_refund_id="re_1")
    page = page_of(order, viewer())
    for shown in (
        *("MUG-RED", "USD 50.00", "Discount (SAVE10)", "−USD 5.00", "USD 45.00", "−USD 7.00"),
        *("12 Square", "INV-000001", "pi_one", "re_1", "Chipped", "The card is closed.", "ada@example.com"),
        *("United Kingdom", "2026-11-02 12:00 UTC"),
    ):
        assert shown in page


def test_an_address_that_may_not_arrive_is_said() -> None:
    address = {"name": "Ada", "line1": "1 Market St", "city": "San Francisco", "state": "CA", "country": "US"}
    instructions = {"delivery_instructions": "Ring twice"}
    page = page_of(order_row("paid", shipping_address=address | instructions | {"postal_code": "94105"}), viewer())
    assert "San Francisco, CA 94105" in page
    assert "Ring twice" in page
    assert "ZIP code" not in page
    page = page_of(order_row("paid", shipping_address=address), viewer())
    assert "ZIP code is missing; an address in United States needs one." in page


def test_it_says_how_it_was_sent() -> None:
    order = order_row("fulfilled")
    Fulfillment.objects.create(order=order, carrier="DHL", tracking_number="JD01", by_kind="staff", by_label="Ana")
    page = page_of(order, viewer())
    assert "Parcel 1 · DHL" in page
    assert "tracking-id=JD01" in page


def test_it_says_why_a_card_was_declined_and_what_to_do() -> None:
    order = paid_row(customer=make_customer())
    order.invoice.payments.update(status="failed", failure_message="Insufficient funds.")  # type: ignore[union-attr]
    Order.objects.filter(pk=order.pk).update(money_state="payment_failed")
    page = page_of(order, viewer())
    assert "<q>Insufficient funds.</q> Nothing was charged. Pay with another card, give the customer a payment" in page


def test_what_needs_attention_stands_at_the_top() -> None:
    assert "Needs attention: The refund failed." in page_of(order_row(attention="The refund failed."), viewer())


def test_a_viewer_sees_no_button_and_others_see_theirs() -> None:
    order = paid_row()
    assert "What may be done now" not in page_of(order, viewer())
    page = page_of(order, signed_in("ecommerce.view_order", "ecommerce.fulfill_order"))
    assert reverse("admin:ecommerce_order_fulfill", args=[order.pk]) in page
    assert reverse("admin:ecommerce_order_cancel", args=[order.pk]) not in page


def test_nothing_can_be_posted_to_it_and_nothing_deleted() -> None:
    everything = [f"ecommerce.{codename}_order" for codename in ("view", "change", "delete")]
    client, order = signed_in(*everything), order_row()
    assert client.post(f"{LIST}{order.pk}/change/", {"status": "paid"}).status_code == 403
    assert client.post(f"{LIST}{order.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Order.objects.get().status == "created"


@pytest.mark.parametrize("key", ["0", "x", "9" * 30, "1/../2"])
def test_an_order_that_is_not_there_leads_to_the_list(key: str) -> None:
    response = viewer().get(f"{LIST}{key}/change/")
    assert (response.status_code, response["Location"]) == (302, LIST)


def test_whoever_may_not_see_orders_is_refused() -> None:
    order = order_row()
    assert signed_in("ecommerce.cancel_order").get(f"{LIST}{order.pk}/change/").status_code == 403
    assert signed_in().get(f"{LIST}{order.pk}/options/").status_code == 403


def test_it_asks_few_queries_however_much_happened() -> None:
    order = paid_row(sku=make_sku())
    refund_of(order)
    client = viewer()
    few = queries(client, order)
    for at in range(5):
        refund_of(order, stripe_refund_id=f"re_{at}")
        event(order, "refunded")
    assert queries(client, order) == few <= 10


def queries(client: Client, order: Order) -> int:
    with CaptureQueriesContext(connection) as asked:
        page_of(order, client)
    return len(asked)


def test_every_kind_of_event_has_a_sentence() -> None:
    assert set(SENTENCES) == set(OrderEvent.Kind)


@pytest.mark.parametrize("kind", SENTENCES)
def test_each_kind_of_event_is_said_in_words(kind: str) -> None:
    line = timeline_entry(event(order_row(), kind, amount=1500, currency="eur", reason="Wrong size"))
    assert "%" not in line.what
    assert kind not in line.what
    assert (line.who, line.when, line.why) == ("Ana", "2026-11-02 12:00 UTC", "Wrong size")


def test_an_unknown_kind_is_said_plainly() -> None:
    line = timeline_entry(event(order_row(), "went_100%_over", currency="zzz", amount=3))
    assert (line.what, line.why) == ("Went 100% over", "")


def test_the_latest_comes_first() -> None:
    order = order_row()
    event(order, "created", total=4500, currency="usd")
    event(order, "canceled", reason="Twice")
    assert [line.what for line in timeline(order, {}, {})] == ["Canceled", "Ordered for USD 45.00"]


def test_the_options_are_a_page_and_the_menu_alone_for_the_script() -> None:
    order = paid_row()
    client = signed_in("ecommerce.view_order", "ecommerce.cancel_order")
    page = client.get(f"{LIST}{order.pk}/options/").content.decode()
    menu = client.get(f"{LIST}{order.pk}/options/", headers={"X-Fragment": "menu"}).content.decode()
    for shown in (page, menu):
        assert f'href="/admin/ecommerce/order/{order.pk}/change/"' in shown
        assert f'href="/admin/ecommerce/order/{order.pk}/cancel/"' in shown
        assert "/fulfill/" not in shown
    assert "<html" in page
    assert "<html" not in menu


@pytest.mark.parametrize("act", ORDER_ACTIONS, ids=lambda act: act.name)
@pytest.mark.parametrize("method", ["get", "post"])
def test_each_act_wants_its_own_permission(act: OrderAction, method: str) -> None:
    order = order_row("paid")
    others = {each.permissions for each in ORDER_ACTIONS} - {act.permissions}
    rights = {right for rights in others for right in rights} - set(act.permissions)
    response = getattr(signed_in("ecommerce.view_order", *rights), method)(f"{LIST}{order.pk}/{act.name}/")
    assert response.status_code == 403
    assert getattr(signed_in(*act.permissions), method)(f"{LIST}{order.pk}/{act.name}/").status_code == 403
