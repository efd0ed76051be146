"""What each kind of mail says: the right values, in plain text and in HTML, and once."""

from typing import Any

import pytest
from django.utils import timezone

from customers.actors import Actor, ActorKind
from customers.models import Customer, Mail, MailTemplate, User
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.customer_requests.cancellations import approve_cancellation, ask_to_cancel, decline_cancellation
from ecommerce.customer_requests.returns import approve, decline
from ecommerce.customer_requests.withdrawals import withdraw
from ecommerce.models import Fulfillment, Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.cancel_items import cancel_items
from ecommerce.orders.fulfill import fulfill, fulfill_in_parcels
from ecommerce.orders.parcels import Parcel
from ecommerce.orders.pay import confirm, pay
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import settle_outside
from ecommerce.orders.return_order import return_order
from ecommerce.orders.return_quotes import Fee
from ecommerce.orders.undo_fulfillment import correct_tracking, undo_fulfillment
from tests.support.factories import ANA, make_customer, place_order
from tests.support.mailbox import mail_kinds, written
from tests.support.order_acts import by_hand, dispute, free, fulfilled, items_of, paid, payment_of, settle
from tests.support.returned import close, opened, received, sent, two_lines
from tests.support.webhook_events import deliver

pytestmark = pytest.mark.django_db
ADA = Actor(kind=ActorKind.CUSTOMER, label="Ada Lovelace <ada@example.com>")
NOW = timezone.now


def of(order: Order, kind: str) -> Mail:
    """Give the one mail of a kind about an order, written."""
    (mail,) = written(kind=kind, about_id=order.pk)
    assert (mail.recipient, mail.about) == (order.customer.email, order)
    return mail


def says(mail: Mail, *words: str) -> None:
    """Both texts have these words."""
    for text in (mail.text, mail.html):
        for each in words:
            assert each in text, f"{each} is not in {text}"


def test_a_paid_order_is_confirmed_with_its_lines_and_sums() -> None:
    order = two_lines()
    mail = of(order, "order_confirmed")
    assert mail.subject == f"Order {order.number} is confirmed"
    says(mail, "Dear Ada Lovelace,", "3 x Mug, red", "USD 45.00", "2 x Shirt", "USD 40.00", "Total", "USD 85.00")
    says(mail, "12 St James")
    assert "color-scheme" in mail.html


def test_who_has_no_name_is_greeted_and_who_has_an_account_gets_a_link() -> None:
    customer = Customer.objects.create(email="bob@example.com", user=User.objects.create_user("bob"))
    order = paid(customer=customer)
    says(of(order, "order_confirmed"), "Hello,", f"/shop/orders/{order.number}")
    assert "/shop/" not in of(paid(customer=make_customer()), "order_confirmed").text


def test_an_order_that_costs_nothing_is_confirmed_too() -> None:
    says(of(free(), "order_confirmed"), "Discount (FREE)", "USD 0.00")


def test_nothing_is_confirmed_before_the_money_is_there() -> None:
    order = place_order(token="pm_card_chargeDeclined")
    assert mail_kinds(order) == ["payment_failed"]
    pay(order_id=order.pk, token="pm_card_visa", by=ANA, at=NOW())
    assert mail_kinds(order) == ["payment_failed", "order_confirmed"]
    # It is paid by now: nobody needs the link to pay any more.
    assert not written(kind="payment_failed")


def test_an_authenticated_payment_confirms_the_order(fake_stripe: FakeStripeServer) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    assert mail_kinds(order) == ["authentication_required"]
    fake_stripe.post(f"3ds/{payment_of(order).stripe_payment_intent_id}", {"outcome": "complete"})
    confirm(order_id=order.pk, at=NOW())
    assert mail_kinds(order) == ["authentication_required", "order_confirmed"]


@pytest.mark.parametrize(
    ("token", "kind", "words"),
    [
        ("pm_card_chargeDeclinedInsufficientFunds", "payment_failed", ["did not go through", "insufficient funds"]),
        ("pm_card_chargeDeclinedStolenCard", "payment_failed", ["Your card was declined."]),
        ("pm_card_authenticationRequired", "authentication_required", ["your bank wants you to confirm"]),
    ],
)
def test_who_has_still_to_pay_gets_a_link(token: str, kind: str, words: list[str]) -> None:
    order = place_order(token=token)
    mail = of(order, kind)
    says(mail, *words, "USD 15.00", order.number)
    assert "stolen" not in mail.text


def test_each_parcel_has_its_own_number_and_what_is_left_is_said() -> None:
    order = two_lines()
    mugs = items_of(order)[0]
    first = Parcel(items=[(mugs.pk, 1)], carrier="DHL", tracking_numbers=("JJD0001",))
    second = Parcel(items=[(mugs.pk, 1)], carrier="UPS", tracking_numbers=("1Z999AA10123456784",))
    fulfill_in_parcels(order_id=order.pk, parcels=[first, second], by=ANA, at=NOW())
    one, other = written(kind="shipped")
    says(one, "JJD0001", "1 x Mug, red", "Sent with DHL", "Still to come", "1 x Mug, red", "2 x Shirt")
    says(other, "1Z999AA10123456784", "Sent with UPS", "https://www.ups.com/")
    assert "1Z999AA" not in one.text


def test_a_parcel_that_never_left_mails_nobody() -> None:
    order = fulfill(order_id=two_lines().pk, carrier="DHL", tracking_number="JJD0001", by=ANA, at=NOW())
    undo_fulfillment(order_id=order.pk, reason="Wrong button", by=ANA, at=NOW())
    assert not written(kind="shipped")


def test_a_corrected_number_is_told() -> None:
    order = fulfill(order_id=two_lines().pk, carrier="DHL", tracking_number="JJD0001", by=ANA, at=NOW())
    written()
    parcel = Fulfillment.objects.get(order=order)
    numbers: Any = {"carrier": "DHL", "tracking_numbers": ["JJD0002"]}
    correct_tracking(parcel_id=parcel.pk, **numbers, reason="Typed wrong", by=ANA, at=NOW())
    mail = of(order, "tracking_corrected")
    says(mail, "JJD0002", "instead of any that we wrote before")
    assert "Typed wrong" not in mail.text
    assert "JJD0001" in of(order, "shipped").text  # as it was sent


def test_a_number_that_is_taken_away_is_told_nobody() -> None:
    order = fulfill(order_id=two_lines().pk, carrier="DHL", tracking_number="JJD0001", by=ANA, at=NOW())
    parcel = Fulfillment.objects.get(order=order)
    numbers: Any = {"carrier": "DHL", "tracking_numbers": []}
    correct_tracking(parcel_id=parcel.pk, **numbers, reason="Typed wrong", by=ANA, at=NOW())
    assert not written(kind="tracking_corrected")


def test_a_name_makes_no_link() -> None:
    name = "Ada\n\nhttps://evil.example/\n\n"
    mail = of(paid(customer=make_customer(first_name=name, last_name="L")), "order_confirmed")
    says(mail, "Dear Ada https://evil.example/ L,")
    assert 'href="https://evil' not in mail.html


def test_an_unpaid_order_that_is_canceled_says_that_nothing_was_charged() -> None:
    order = place_order(token="pm_card_chargeDeclined")
    cancel(order_id=order.pk, reason="Suspected fraud", by=ANA, at=NOW())
    mail = of(order, "canceled")
    says(mail, f"your order {order.number} is canceled", "Nothing was charged.")
    assert "fraud" not in mail.text


def test_a_paid_order_that_is_canceled_says_what_goes_back_once_stripe_has_accepted_it() -> None:
    order = two_lines()
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    assert "canceled" not in mail_kinds(order)
    settle(order)
    mail = of(order, "canceled")
    says(mail, "USD 85.00 goes back to the card", "3 x Mug, red")
    assert mail_kinds(order) == ["order_confirmed", "canceled"]


def test_canceled_items_are_named() -> None:
    order = two_lines()
    mugs, _shirts = items_of(order)
    cancel_items(order_id=order.pk, items=[(mugs.pk, 2)], reason="", by=ANA, at=NOW())
    settle(order)
    mail = of(order, "canceled")
    assert mail.subject == f"A part of order {order.number} is canceled"
    says(mail, "2 x Mug, red", "USD 30.00 goes back")
    assert "Shirt" not in mail.text


def test_a_refund_is_told_once() -> None:
    order = paid()
    refund(order_id=order.pk, request=RefundRequest(amount=500), reason="Goodwill", by=ANA, at=NOW())
    settle(order)
    mail = of(order, "refunded")
    says(mail, "USD 5.00 goes back to the card")
    assert "Goodwill" not in mail.text
    assert mail_kinds(order) == ["order_confirmed", "refunded"]


def test_a_refund_made_at_stripe_is_told_too() -> None:
    order = paid()
    by_hand(order, 500)
    deliver("refund.created")
    deliver("refund.created")
    says(of(order, "refunded"), "USD 5.00 goes back to the card")


def test_a_cancellation_after_all_was_refunded_at_stripe_promises_nothing_more() -> None:
    order = paid()
    by_hand(order, 1500)
    deliver("refund.created")
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    says(of(order, "refunded"), "USD 15.00 goes back to the card")
    mail = of(order, "canceled")
    says(mail, "Nothing more is refunded: USD 15.00 was refunded before.")
    assert "goes back" not in mail.text


def test_a_cancellation_that_gives_way_to_a_refund_made_at_stripe_promises_it_once() -> None:
    order = paid()
    by_hand(order, 1500)  # before anybody here hears of it
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    settle(order)
    order.refresh_from_db()
    assert (order.status, order.amount_refunded) == ("canceled", 1500)
    assert sum("goes back to the card" in mail.text for mail in written()) == 1


def test_what_is_settled_outside_does_not_promise_the_card(fake_stripe: FakeStripeServer) -> None:
    order = paid()
    dispute(fake_stripe, order)
    refund(order_id=order.pk, request=RefundRequest(amount=500), reason="", by=ANA, at=NOW())
    settle(order)
    assert "refunded" not in mail_kinds(order)
    settle_outside(order_id=order.pk, note="By transfer", by=ANA, at=NOW())
    mail = of(order, "refunded")
    says(mail, "USD 5.00 was refunded to you, not through the card")
    assert "By transfer" not in mail.text


def test_a_return_of_the_whole_says_what_came_back_and_what_goes_back() -> None:
    order = sent()
    return_order(order_id=order.pk, reason="Worn", restock=True, by=ANA, at=NOW())
    settle(order)
    mail = of(order, "returned")
    says(mail, "3 x Mug, red", "USD 85.00 goes back")
    assert "Worn" not in mail.text
    assert mail_kinds(order) == ["order_confirmed", "shipped", "returned"]


def test_a_return_with_a_fee_shows_it() -> None:
    order = sent()
    close(received(order, 2), fees=[Fee(name="Restocking", amount=500)])
    settle(order)
    says(of(order, "returned"), "2 x Mug, red", "Restocking", "−USD 5.00", "USD 25.00")


def test_a_return_that_is_closed_without_a_refund_says_so() -> None:
    order = sent()
    close(received(order, 1), refund=False)
    says(of(order, "returned"), "1 x Mug, red", "Nothing is refunded.")


def test_approved_and_declined_returns_have_number_items_and_answer() -> None:
    order = sent()
    one = opened(order, 1, approved=False)
    approve(return_id=one.pk, answer="Use the old box.", by=ANA, at=NOW())
    says(of(order, "return_approved"), one.number, "1 x Mug, red", "Use the old box.")
    other = opened(order, 1, approved=False)
    decline(return_id=other.pk, answer="It was worn & washed.", by=ANA, at=NOW())
    mail = of(order, "return_declined")
    assert "It was worn & washed." in mail.text
    assert "It was worn &amp; washed." in mail.html


def test_who_asked_to_cancel_hears_of_it_in_one_mail() -> None:
    order = paid(customer=make_customer())
    ask_to_cancel(order_id=order.pk, reason="", by=ADA, at=NOW())
    request = order.customer_requests.get()
    decline_cancellation(request_id=request.pk, answer="It is packed.", by=ANA, at=NOW())
    says(of(order, "cancellation_declined"), "It is packed.")
    ask_to_cancel(order_id=order.pk, reason="", by=ADA, at=NOW())
    approve_cancellation(request_id=order.customer_requests.latest("pk").pk, answer="Gladly.", by=ANA, at=NOW())
    settle(order)
    says(of(order, "canceled"), "Gladly.", "USD 15.00 goes back")


def test_a_withdrawal_is_acknowledged_with_the_time() -> None:
    order = fulfilled(customer=make_customer())
    withdraw(order_id=order.pk, items=None, by=ADA, at=NOW())
    mail = of(order, "withdrawal")
    says(mail, "1 x Mug, red", "we received your withdrawal", "acknowledgement of receipt")


def test_no_text_of_staff_loses_when_a_withdrawal_arrived() -> None:
    MailTemplate.objects.create(kind="withdrawal", opening="Thanks.", closing="Bye.")
    order = fulfilled(customer=make_customer())
    request = withdraw(order_id=order.pk, items=None, by=ADA, at=NOW()).request
    says(of(order, "withdrawal"), f"Withdrawn on {request.requested_at:%Y-%m-%d %H:%M:%S} UTC from", "1 x Mug, red")


@pytest.mark.parametrize("change", [{"email": ""}, {"erased_at": timezone.now()}])
def test_nobody_without_an_e_mail_and_nobody_erased_gets_one(change: dict[str, Any]) -> None:
    order = place_order(token="pm_card_chargeDeclined")
    Mail.objects.all().delete()
    Customer.objects.update(**change)
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    assert not Mail.objects.exists()
