"""Payment links: who gets one, what its token opens, and that each way to pay by it keeps the rules about money."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import signing
from django.db import transaction
from django.utils import timezone

from billing.models import CardAttempt
from customers.actors import Actor, ActorKind
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Coupon, Order, PaymentLink, ShopSettings, Sku
from ecommerce.orders.cancel import cancel
from ecommerce.orders.pay import confirm, pay, pay_by_link
from ecommerce.orders.payment_links import create_link, revoke_links, valid_link
from tests.support.factories import ANA, make_coupon, make_customer, place_order
from tests.support.order_acts import at_once, fresh, kinds, paid, payment_of, refused, settle, sweep_now

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
NOW = timezone.now
HOLDER = Actor(kind=ActorKind.CUSTOMER, label="Ada, by payment link", address="192.0.2.1")
DECLINED, SECURE = "pm_card_chargeDeclined", "pm_card_authenticationRequired"


def declined(**fields: Any) -> Order:
    return place_order(**({"token": DECLINED} | fields))


def link_of(order: Order, at: datetime | None = None) -> PaymentLink:
    return create_link(order_id=order.pk, by=ANA, at=at or NOW())


def pay_with(link: PaymentLink, total: int = 1500, token: str = "pm_card_visa") -> Order:
    return pay_by_link(link=link, token=token, expected_total=total, by=HOLDER, at=NOW())


# The link


def test_the_link_that_holds_is_given_again_and_later_gets_all_its_days_again() -> None:
    order, at = declined(), NOW()
    link = link_of(order, at)
    assert link.expires_at == at + timedelta(days=14)
    assert link_of(order, at + timedelta(days=6)) == link
    later = link_of(order, at + timedelta(days=8))
    assert (later, later.expires_at) == (link, at + timedelta(days=22))
    ended = link_of(order, at + timedelta(days=23))
    assert ended != link
    assert valid_link(order, at=at + timedelta(days=23)) == ended
    assert kinds(order).count("payment_link_created") == 3
    assert ShopSettings.objects.update(payment_link_days=2)
    revoke_links(order_id=order.pk, by=ANA, at=at)
    assert link_of(order, at).expires_at == at + timedelta(days=2)


def test_of_many_at_once_one_makes_the_link() -> None:
    order = declined()
    assert at_once(*[partial(link_of, order)] * 4) == ["done"] * 4
    assert PaymentLink.objects.count() == 1
    assert kinds(order).count("payment_link_created") == 1


def test_only_what_waits_to_be_paid_has_a_link() -> None:
    done = paid()
    with refused("wrong_status"):
        link_of(done)
    order = declined()
    link_of(order)
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    with refused("wrong_status"):
        link_of(order)
    assert valid_link(fresh(order), at=NOW()) is None


def test_a_link_is_revoked_once() -> None:
    order = declined()
    with refused("no_payment_link"):
        revoke_links(order_id=order.pk, by=ANA, at=NOW())
    link_of(order)
    revoke_links(order_id=order.pk, by=ANA, at=NOW())
    with refused("no_payment_link"):
        revoke_links(order_id=order.pk, by=ANA, at=NOW())
    assert kinds(order)[-2:] == ["payment_link_created", "payment_link_revoked"]
    assert "/pay/" not in str(list(order.events.values()))


def test_a_token_opens_its_own_order_alone(settings: LazySettings) -> None:
    link = link_of(declined())
    other = link_of(declined(customer=make_customer("eve@example.com")))
    token = link.token
    assert PaymentLink.objects.of_token(token) == link
    body, _signature = token.split(".")
    forged = [
        "", ".", "x", body, f"{body}.", token[:-1], token[1:], token + "A", f"{body}.{other.token.split('.')[1]}",
        signing.dumps([link.uuid.hex, link.order_id]), "A" * 5000, f"{token}\x00",
        signing.Signer(salt="other", sep=".").sign_object([link.uuid.hex, link.order_id]),
    ]  # fmt: skip
    # Signed by us, as no page ever signs them: of another order, of no link, of another shape.
    ours = signing.Signer(salt="ecommerce.payment_link", sep=".")
    odd: list[Any] = [
        [link.uuid.hex, other.order_id], ["0" * 32, link.order_id], [], {}, 1, None, ["x", 1], [1, 2],
        [link.uuid.hex, "x"], [link.uuid.hex, 10**30],
    ]  # fmt: skip
    for text in [*forged, *(ours.sign_object(each) for each in odd)]:
        assert PaymentLink.objects.of_token(text) is None, text
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "rotated" * 9, [settings.SECRET_KEY]
    assert PaymentLink.objects.of_token(token) == link


# Paying


def test_it_pays_as_the_customer_and_saves_no_card(ledger: Any) -> None:
    order = declined()
    done = pay_with(link_of(order))
    assert (done.status, done.total) == ("paid", 1500)
    requested = order.events.filter(kind="payment_requested").latest("pk")
    assert (requested.by_kind, requested.by_label) == ("customer", HOLDER.label)
    assert not order.customer.cards.filter(removed_at=None).exists()
    assert "setup_future_usage" not in str(payment_of(order).params)
    assert CardAttempt.objects.get(payment=payment_of(order)).client_address == "192.0.2.1"
    assert [each["status"] for each in ledger()["payment_intents"]].count("succeeded") == 1


def test_each_refusal_says_why_and_nothing_happened() -> None:
    make_coupon(percent_off=10, max_redemptions=1)
    order = declined(coupon_code="SAVE10")
    link = link_of(order)
    for total, token, code in ((1350, "src_1", "card_required"), (1500, "tok_visa", "price_changed")):
        with refused(code):
            pay_with(link, total, token)
    Coupon.objects.update(times_redeemed=1)
    with refused("coupon_exhausted"):
        pay_with(link, 1350)
    Coupon.objects.update(times_redeemed=0)
    Sku.objects.update(inventory_type="finite", inventory_quantity=0)
    with refused("out_of_stock"):
        pay_with(link, 1350)
    Sku.objects.update(inventory_quantity=9)
    PaymentLink.objects.update(expires_at=NOW())
    with refused("link_expired"):
        pay_with(link, 1350)
    again = link_of(order)
    with refused("link_revoked"):
        pay_with(link, 1350)
    assert pay_with(again, 1350).status == "paid"


def test_a_new_price_is_paid_only_by_who_was_shown_it() -> None:
    order = declined()
    link = link_of(order)
    Sku.objects.update(price=1700)
    for shown in (0, 1500):
        with refused("price_changed"):
            pay_with(link, shown)
    assert pay_with(link, 1700).total == 1700


def test_what_was_revoked_between_opening_and_paying_ends_no_authentication() -> None:
    order = declined(token=SECURE)
    link = link_of(order)
    revoke_links(order_id=order.pk, by=ANA, at=NOW())
    with refused("link_revoked"):
        pay_with(link)
    assert payment_of(order).status == "requires_action"


def test_revoked_while_the_payment_waits_for_the_lock_it_pays_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    order = declined()
    link = link_of(order)

    def meanwhile(**_named: Any) -> None:
        revoke_links(order_id=order.pk, by=ANA, at=NOW())

    monkeypatch.setattr("ecommerce.orders.pay.tax_calculation", meanwhile)
    with pytest.raises(Exception, match="does not hold any more"):
        pay_with(link)
    assert (fresh(order).status, order.acts.filter(closed_at=None).count()) == ("created", 0)


def test_declines_count_together_for_a_customer_and_an_address_whatever_the_link(settings: LazySettings) -> None:
    settings.CARD_DECLINES_FREE = settings.CARD_DECLINES_STOP = 2
    settings.CARD_DECLINES_ADDRESS_TIMES = 1
    first, second = declined(), declined()
    other = declined(customer=make_customer("eve@example.com"))
    links = [link_of(each) for each in (first, second, other)]
    for link in links[:2]:
        assert pay_with(link, token=DECLINED).money_state == "payment_failed"
    for link in links:
        with refused("too_many_declines"):
            pay_with(link)
    assert pay(order_id=first.pk, token="pm_card_visa", by=ANA, at=NOW()).status == "paid"


def test_three_d_secure_is_completed_by_the_bank_and_then_confirmed(fake_stripe: FakeStripeServer) -> None:
    order = declined()
    waiting = pay_with(link_of(order), token=SECURE)
    assert waiting.money_state == "authentication_required"
    assert payment_of(order).authenticate_within <= timedelta(hours=1)
    fake_stripe.post(f"3ds/{payment_of(order).stripe_payment_intent_id}", {"outcome": "complete"})
    assert confirm(order_id=order.pk, at=NOW()).status == "paid"


def test_another_card_ends_an_open_authentication(fake_stripe: FakeStripeServer, ledger: Any) -> None:
    order = declined(token=SECURE)
    assert pay_with(link_of(order)).status == "paid"
    assert sorted(each["status"] for each in ledger()["payment_intents"]) == ["canceled", "succeeded"]


# At once


def test_two_tabs_at_once_pay_once(ledger: Any) -> None:
    link = link_of(declined())
    outcomes = at_once(*[partial(pay_with, link)] * 4)
    assert outcomes.count("done") == 1
    assert set(outcomes) - {"done"} <= {"in_progress", "wrong_status"}
    assert [each["status"] for each in ledger()["payment_intents"]].count("succeeded") == 1


@pytest.mark.parametrize(
    ("meanwhile", "statuses"),
    [
        (lambda order: pay(order_id=order.pk, token="pm_card_visa", by=ANA, at=NOW()), {"paid"}),
        (lambda order: cancel(order_id=order.pk, reason="", by=ANA, at=NOW()), {"paid", "canceled"}),
        (lambda order: revoke_links(order_id=order.pk, by=ANA, at=NOW()), {"paid", "created"}),
    ],
    ids=["staff pay", "cancel", "revoke"],
)
def test_what_staff_do_at_the_same_moment_and_the_link_never_both_charge(
    meanwhile: Callable[[Order], object], statuses: set[str], ledger: Any
) -> None:
    for _ in range(3):
        order = declined()
        link = link_of(order)
        at_once(partial(pay_with, link), partial(meanwhile, order))
        if fresh(order).acts.filter(closed_at=None).exists():
            settle(order)
        sweep_now()
        assert fresh(order).status in statuses
        intents = [each for each in ledger()["payment_intents"] if each["metadata"]["order"] == order.number]
        assert [each["status"] for each in intents].count("succeeded") <= 1


def test_a_canceled_order_is_not_paid() -> None:
    order = declined()
    link = link_of(order)
    cancel(order_id=order.pk, reason="", by=ANA, at=NOW())
    with refused("wrong_status"):
        pay_with(link)


def test_an_answer_that_got_lost_is_found_and_charged_once(fake_stripe: FakeStripeServer, ledger: Any) -> None:
    order = declined()
    link = link_of(order)
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_after", "times": 1})
    assert pay_with(link).money_state == "payment_processing"
    with refused("in_progress"):
        pay_with(link)
    sweep_now()
    assert fresh(order).status == "paid"
    with transaction.atomic(), refused("wrong_status"):
        pay_with(link)
    assert [each["status"] for each in ledger()["payment_intents"]].count("succeeded") == 1
