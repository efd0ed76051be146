"""The page of a payment link, as a browser without a session sees it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from billing.models import Seller
from customers.models import Customer
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, PaymentLink, Product, Sku
from ecommerce.orders.cancel import cancel
from ecommerce.orders.pay import end_authentication, pay
from ecommerce.orders.payment_links import create_link, revoke_links
from pelcro_orders.logs import Formatter
from tests.support.factories import ANA, make_address, make_coupon, make_customer, make_sku, place_order
from tests.support.order_acts import fresh, payment_of, sweep_now

pytestmark = pytest.mark.django_db(transaction=True)
NOW = timezone.now
DECLINED, SECURE = "pm_card_chargeDeclinedInsufficientFunds", "pm_card_authenticationRequired"


@pytest.fixture
def order() -> Order:
    ada = make_customer(first_name="Ada", last_name="Lovelace", phone="+44 20 7946 0000")
    address = make_address(ada, line1="12 St James's Square")
    return place_order(token=DECLINED, quantity=2, sku=make_sku(shippable=True), address_id=address.pk)


@pytest.fixture
def link(order: Order) -> PaymentLink:
    return create_link(order_id=order.pk, by=ANA, at=NOW())


def address(link: PaymentLink) -> str:
    return f"/pay/{link.token}/"


def shown(link: PaymentLink) -> tuple[str, str]:
    """Give the page's state, and all its text."""
    page = Client().get(address(link)).content.decode()
    state = re.search(r'data-state="(\w+)"', page)
    assert state
    return state[1], page


def send(link: PaymentLink, token: str = "pm_card_visa", total: int = 3000, **more: str) -> Any:
    return Client(enforce_csrf_checks=True).post(
        address(link), {"gateway_token": token, "expected_total": total, **more}
    )


def test_it_says_what_is_paid_for_and_nothing_more_of_the_person(link: PaymentLink) -> None:
    state, page = shown(link)
    assert state == "pay"
    for text in ("2 × Mug, red", "USD 30.00", "Pay USD 30.00", "a•••@example.com", "Your card has insufficient funds."):
        assert text in page
    for text in ("ada@", "Lovelace", "St James", "7946", "INV-", "pi_", f">{link.order_id}<"):
        assert text not in page


def test_it_names_the_shop_and_how_to_ask_it(link: PaymentLink) -> None:
    assert "Pelcro Shop" in shown(link)[1]
    Seller.objects.update(name="Babbage & Sons", email="ask@babbage.example")
    page = shown(link)[1]
    assert "Babbage &amp; Sons · ask@babbage.example" in page
    assert "Pelcro" not in page


def test_its_headers_keep_the_address_to_itself(link: PaymentLink) -> None:
    answer = Client().get(address(link))
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["Cache-Control"] == "no-store"
    assert "noindex" in answer["X-Robots-Tag"]
    assert not answer.cookies
    policy = answer["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert policy == Client().get("/shop/checkout/")["Content-Security-Policy"]


def test_a_token_that_is_not_ours_is_like_any_address_where_nothing_is(link: PaymentLink) -> None:
    nothing = Client().get("/pay/nothing/")
    for path in (address(link)[:-2] + "/", "/pay/x/", f"/pay/{link.uuid}/", f"/pay/{link.order_id}/"):
        for method in ("get", "post"):
            answer = getattr(Client(), method)(path)
            assert (answer.status_code, answer.content) == (404, nothing.content)
    assert Client().put(address(link)).status_code == 405


def test_it_pays_and_then_says_that_it_is_paid(link: PaymentLink, order: Order) -> None:
    answer = send(link)
    assert (answer.status_code, answer["Location"]) == (303, address(link))
    assert fresh(order).status == "paid"
    state, page = shown(link)
    assert state == "paid"
    assert f"Order {order.number} is already paid." in page
    assert "Mug" not in page
    again = send(link)
    assert again.status_code == 409
    assert "Nothing was charged just now." in again.content.decode()
    assert order.events.filter(kind="paid").count() == 1


def test_a_decline_is_told_in_the_banks_words_unless_they_are_about_fraud(link: PaymentLink) -> None:
    assert send(link, "pm_card_chargeDeclinedFraudulent").status_code == 303
    state, page = shown(link)
    assert state == "pay"
    assert "Your card was declined. Nothing was charged: pay with another card." in page
    assert "fraud" not in page


def test_the_new_total_is_asked_about_first(link: PaymentLink, order: Order) -> None:
    Sku.objects.update(price=1700)
    refusal = send(link, total=3000)
    assert refusal.status_code == 409
    page = refusal.content.decode()
    assert "The total is USD 34.00 now, not USD 30.00." in page
    assert "It was USD 30.00 when you ordered." in page
    assert "Pay USD 34.00" in page
    send(link, total=3400)
    assert (fresh(order).status, fresh(order).total) == ("paid", 3400)


def test_a_coupon_that_has_ended_is_said() -> None:
    coupon = make_coupon()
    link = create_link(order_id=place_order(token=DECLINED, coupon_code="SAVE10").pk, by=ANA, at=NOW())
    coupon.active = False
    coupon.save()
    assert "The coupon SAVE10 has ended. The total is USD 15.00 now. It was USD 13.50" in shown(link)[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"inventory_type": "finite", "inventory_quantity": 1}, "1"),
        ({"active": False}, "Mug"),
    ],
)
def test_what_cannot_be_had_any_more_takes_no_card(link: PaymentLink, change: dict[str, Any], said: str) -> None:
    Sku.objects.update(**change)
    state, page = shown(link)
    assert state == "obstacle"
    assert said in page
    assert "card-element" not in page
    assert send(link).status_code == 409


def test_too_many_declines_say_how_long_to_wait(link: PaymentLink, settings: LazySettings) -> None:
    settings.CARD_DECLINES_FREE = settings.CARD_DECLINES_STOP = 1
    send(link, "pm_card_chargeDeclined")
    answer = send(link)
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 60
    assert "Too many cards were declined. Nothing was charged" in answer.content.decode()


def test_a_link_that_ended_was_revoked_or_replaced_says_so_and_nothing_of_the_order(
    link: PaymentLink, order: Order
) -> None:
    PaymentLink.objects.update(expires_at=NOW() - timedelta(hours=1))
    found = {"expired": shown(link)}
    newer = create_link(order_id=order.pk, by=ANA, at=NOW())
    found["replaced"] = shown(link)
    revoke_links(order_id=order.pk, by=ANA, at=NOW())
    found["revoked"] = shown(newer)
    for wanted, (state, page) in found.items():
        assert state == wanted
        for text in (order.number, "Mug", "example.com", "USD"):
            assert text not in page.split("<main", 1)[1]
    assert Client().get(address(link)).status_code == 410
    refusal = send(newer)
    assert refusal.status_code == 409
    assert "Nothing was charged just now." in refusal.content.decode()
    assert fresh(order).status == "created"


def test_a_canceled_order_says_so(link: PaymentLink, order: Order) -> None:
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    assert shown(link)[0] == "canceled"
    assert send(link).status_code == 409


def test_while_stripe_has_not_answered_it_is_being_confirmed(
    link: PaymentLink, order: Order, fake_stripe: FakeStripeServer
) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    assert send(link).status_code == 303
    state, page = shown(link)
    assert (state, "being confirmed" in page, "card-element" in page) == ("confirming", True, False)
    sweep_now()
    assert shown(link)[0] == "paid"


def test_three_d_secure_by_the_page_whether_the_webhook_or_the_page_is_first(
    link: PaymentLink, order: Order, fake_stripe: FakeStripeServer
) -> None:
    answer = send(link, SECURE)
    assert answer["Location"] == f"{address(link)}?authenticate"
    state, page = shown(link)
    assert state == "authenticate"
    payment = payment_of(order)
    assert f'data-secret="{payment.client_secret}"' in page
    assert "Or pay with another card" in page
    unfinished = send(link, act="confirm")
    assert (unfinished["Location"], shown(link)[0]) == (address(link), "authenticate")
    fake_stripe.post(f"3ds/{payment.stripe_payment_intent_id}", {"outcome": "complete"})
    sweep_now()  # what the webhook would say is known before the browser is back
    assert fresh(order).status == "paid"
    assert send(link, act="confirm").status_code == 303
    assert shown(link)[0] == "paid"
    assert order.events.filter(kind="paid").count() == 1


def test_what_was_not_confirmed_in_time_is_told_to_the_customer_and_not_about_them(
    link: PaymentLink, order: Order
) -> None:
    send(link, SECURE)
    end_authentication(order_id=order.pk, at=NOW())
    assert "The payment was not confirmed with your bank. Nothing was charged: pay" in shown(link)[1]


def test_staff_paying_meanwhile_is_said(link: PaymentLink, order: Order) -> None:
    pay(order_id=order.pk, token="pm_card_visa", by=ANA, at=NOW())
    assert send(link).status_code == 409
    assert shown(link)[0] == "paid"


@pytest.mark.parametrize("field", ["gateway_token", "expected_total", "act"])
def test_odd_input_is_refused_and_charges_nothing(link: PaymentLink, order: Order, field: str, ledger: Any) -> None:
    before = len(ledger()["payment_intents"])
    for value in ("", "4242424242424242", "９９", "-1", "9" * 400, "<script>"):
        sent = {"gateway_token": "pm_card_visa", "expected_total": "1"} | {field: value}
        assert Client().post(address(link), sent).status_code == 409
    assert Client().post(address(link), b"\xff\xfe", content_type="application/json").status_code == 409
    assert Client().post(address(link), {field: "pm_\0"}).status_code == 400
    assert (fresh(order).status, len(ledger()["payment_intents"])) == ("created", before)


def test_the_link_of_an_erased_customer_is_gone(link: PaymentLink, order: Order) -> None:
    Customer.objects.filter(pk=order.customer_id).update(erased_at=NOW())
    assert send(link).status_code == 409
    link.delete()
    assert Client().get(address(link)).status_code == 404


def test_its_address_is_not_logged(link: PaymentLink, caplog: pytest.LogCaptureFixture) -> None:
    Product.objects.update(active=False)
    assert send(link).status_code == 409
    lines = [Formatter("line").format(record) for record in caplog.records]
    assert any("Conflict: /pay/[removed]/" in line for line in lines)
    assert link.token not in "".join(lines)
