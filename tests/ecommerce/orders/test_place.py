from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import Card, Invoice, Payment
from customers.models import Address, FrozenAddress
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order, OrderAct, Sku
from ecommerce.orders.errors import OrderError
from ecommerce.orders.lines import LineRequest
from ecommerce.orders.pay import confirm, pay
from ecommerce.orders.place import NewOrder, place
from ecommerce.tasks import sweep
from tests.support.factories import ANA, make_address, make_coupon, make_customer, make_sku, place_order, wanted_by

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
Ledger = Callable[[], dict[str, Any]]


def test_a_good_card_makes_a_paid_order_with_a_paid_invoice(ledger: Ledger) -> None:
    order = place_order(quantity=2)

    assert order.status == "paid"
    assert order.money_state == ""
    assert order.invoice is not None
    assert (order.invoice.status, order.invoice.number, order.invoice.total) == ("paid", "INV-000001", 3000)
    assert [each["amount"] for each in ledger()["payment_intents"]] == [3000]
    assert [event.kind for event in order.events.order_by("pk")] == ["created", "payment_requested", "paid"]


def test_a_new_card_is_kept_and_can_be_used_again(ledger: Ledger) -> None:
    place_order()
    card = Card.objects.get()
    again = place_order(token="", card_id=card.pk)

    assert (card.brand, card.last4, card.removed_at) == ("visa", "4242", None)
    assert again.status == "paid"
    assert Card.objects.count() == 1
    assert len(ledger()["payment_intents"]) == 2


def test_a_token_of_the_original_kind_works() -> None:
    assert place_order(token="tok_visa").status == "paid"


def test_a_card_used_once_is_not_offered_again() -> None:
    place_order(save_card=False)
    assert Card.objects.get().removed_at is not None


def test_a_card_that_is_typed_again_is_offered_once_under_its_first_name(ledger: Ledger) -> None:
    first = place_order()
    second = place_order()
    place_order(save_card=False)

    offered = Card.objects.get(removed_at=None)
    assert first.invoice
    assert second.invoice
    assert first.invoice.payments.get().card == offered
    assert second.invoice.payments.get().card != offered
    assert len({each["id"] for each in ledger()["payment_intents"] if each["status"] == "succeeded"}) == 3


def test_the_same_number_with_another_expiry_or_customer_is_another_card() -> None:
    place_order(customer=make_customer())
    place_order(customer=make_customer("eve@example.com"))
    Card.objects.update(exp_month=1)
    place_order()
    assert Card.objects.filter(removed_at=None).count() == 3


def test_nothing_to_charge_is_paid_without_a_charge_and_has_a_paid_invoice(ledger: Ledger) -> None:
    make_coupon("FREE", percent_off=100)
    order = place_order(coupon_code="free", token="")

    assert (order.status, order.total) == ("paid", 0)
    assert order.invoice is not None
    assert order.invoice.status == "paid"
    assert ledger()["payment_intents"] == []


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("pm_card_chargeDeclined", "Your card was declined."),
        ("pm_card_chargeDeclinedInsufficientFunds", "Your card has insufficient funds."),
        ("pm_card_chargeDeclinedExpiredCard", "Your card has expired."),
    ],
)
def test_a_decline_keeps_the_order_created_with_the_banks_words(token: str, words: str) -> None:
    sku = make_sku(stock=5)
    make_coupon(percent_off=10, max_redemptions=1)
    order = place_order(sku=sku, quantity=2, token=token, coupon_code="SAVE10")

    assert (order.status, order.money_state, order.held_at) == ("created", "payment_failed", None)
    assert order.invoice is not None
    assert order.invoice.status == "open"
    assert order.acts.get().message == words
    sku.refresh_from_db()
    assert sku.inventory_quantity == 5
    paid = pay(order_id=order.pk, by=ANA, at=timezone.now(), token="pm_card_visa")
    assert (paid.status, paid.money_state, Invoice.objects.count()) == ("paid", "", 1)
    sku.refresh_from_db()
    assert sku.inventory_quantity == 3


@pytest.mark.django_db(transaction=True)
def test_authentication_that_is_not_done_in_a_day_ends_and_releases_what_was_held() -> None:
    sku = make_sku(stock=1)
    order = place_order(sku=sku, token="pm_card_authenticationRequired")
    assert (order.status, order.money_state) == ("created", "authentication_required")
    assert confirm(order_id=order.pk, at=timezone.now()).money_state == "authentication_required"

    Payment.objects.update(first_sent_at=timezone.now() - timedelta(hours=25), next_attempt_at=timezone.now())
    sweep()
    order.refresh_from_db()
    sku.refresh_from_db()
    assert (order.status, order.money_state, sku.inventory_quantity) == ("created", "payment_failed", 1)


def test_another_card_first_ends_an_open_authentication(ledger: Ledger) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    paid = pay(order_id=order.pk, by=ANA, at=timezone.now(), token="pm_card_visa")

    assert paid.status == "paid"
    assert sorted(each["status"] for each in ledger()["payment_intents"]) == ["canceled", "succeeded"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_an_unknown_result_is_being_confirmed_until_the_sweep_knows(
    fake_stripe: FakeStripeServer, ledger: Ledger, fault: str
) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": fault, "times": 1})
    order = place_order()
    assert (order.status, order.money_state) == ("created", "payment_processing")

    Payment.objects.update(next_attempt_at=timezone.now())
    sweep()
    order.refresh_from_db()
    assert order.status == "paid"
    assert [each["status"] for each in ledger()["payment_intents"]] == ["succeeded"]


@pytest.mark.django_db(transaction=True)
def test_a_stored_500_is_not_replayed_for_ever(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "status", "status": 500, "times": 1})
    order = place_order()
    assert order.money_state == "payment_processing"

    Payment.objects.update(next_attempt_at=timezone.now())
    sweep()
    order.refresh_from_db()
    assert order.status == "paid"
    assert Payment.objects.get().generation == 1
    assert len(ledger()["payment_intents"]) == 1


@pytest.mark.django_db(transaction=True)
def test_after_23_hours_nothing_is_posted_again_by_itself(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    fake_stripe.faults({"match": "POST /v1/payment_intents", "fault": "drop_before", "times": 1})
    order = place_order()
    Payment.objects.update(first_sent_at=timezone.now() - timedelta(hours=24), next_attempt_at=timezone.now())
    sweep()

    order.refresh_from_db()
    assert "23 hours" in order.attention
    assert (order.status, ledger()["payment_intents"]) == ("created", [])


def ask(**changed: Any) -> NewOrder:
    customer = make_customer()
    sku = make_sku(stock=3)
    return replace(wanted_by(customer, sku), **changed)


REFUSALS: list[tuple[str, dict[str, Any]]] = [
    ("unknown_customer", {"customer_id": 0}),
    ("items_required", {"items": ()}),
    ("unknown_sku", {"items": (LineRequest(sku_id=0, quantity=1),)}),
    ("card_required", {"token": ""}),
    ("card_required", {"token": "4242424242424242"}),
    ("unknown_source", {"card_id": 0}),
    ("invalid_coupon", {"coupon_code": "NONE"}),
    ("price_changed", {"expected_total": 1}),
]


@pytest.mark.parametrize(("code", "changed"), REFUSALS)
def test_a_refused_order_leaves_nothing_behind(code: str, changed: dict[str, Any], ledger: Ledger) -> None:
    with pytest.raises(OrderError) as refused:
        place(new_order=ask(**changed), by=ANA, at=timezone.now())

    assert refused.value.code == code
    assert (Order.objects.count(), Invoice.objects.count(), OrderAct.objects.count()) == (0, 0, 0)
    assert ledger()["payment_intents"] == []


@pytest.mark.parametrize(
    ("code", "quantity"),
    [("invalid_quantity", 0), ("invalid_quantity", -1), ("out_of_stock", 4), ("invalid_quantity", 10**9)],
)
def test_a_quantity_that_cannot_be_had_is_refused(code: str, quantity: int) -> None:
    sku = make_sku(stock=None if quantity == 10**9 else 3)
    with pytest.raises(OrderError) as refused:
        place_order(sku=sku, quantity=quantity)
    assert (refused.value.code, Order.objects.count()) == (code, 0)


@pytest.mark.parametrize(
    ("code", "terms"),
    [
        ("invalid_coupon", {"percent_off": 10, "active": False}),
        ("invalid_coupon", {"percent_off": 10, "redeem_by": timezone.now() - timedelta(seconds=1)}),
        ("coupon_exhausted", {"percent_off": 10, "max_redemptions": 0}),
        ("invalid_coupon", {"amount_off": 500, "currency": "eur"}),
    ],
)
def test_a_coupon_that_cannot_be_redeemed_is_refused(code: str, terms: dict[str, Any]) -> None:
    make_coupon("SAVE10", **terms)
    with pytest.raises(OrderError) as refused:
        place_order(coupon_code="SAVE10")
    assert (refused.value.code, refused.value.field, Order.objects.count()) == (code, "coupon_code", 0)


def test_an_address_is_asked_only_where_something_is_shipped() -> None:
    customer, stranger = make_customer(), make_customer("eve@example.com")
    mug, download = make_sku(shippable=True), make_sku("PDF")
    theirs = make_address(stranger)
    cases: list[tuple[str, dict[str, Any]]] = [("address_required", {}), ("unknown_address", {"address_id": theirs.pk})]
    for code, given in cases:
        with pytest.raises(OrderError) as refused:
            place(new_order=wanted_by(customer, mug, download, **given), by=ANA, at=timezone.now())
        assert (refused.value.code, Order.objects.count()) == (code, 0)
    new = FrozenAddress(name="Ada", line1="1 High St", line2="", city="Ely", state="", postal_code="", country="GB")
    shipped = place(new_order=wanted_by(customer, mug, download, new_address=new), by=ANA, at=timezone.now())
    digital = place(new_order=wanted_by(customer, download), by=ANA, at=timezone.now())

    assert shipped.shipping_address == dict(new)
    assert Address.objects.filter(customer=customer).count() == 1
    assert digital.shipping_address is None


def test_an_inactive_sku_and_mixed_currencies_are_refused() -> None:
    customer = make_customer()
    dollars, euros, gone = make_sku(), make_sku("TEE", currency="eur"), make_sku("OLD", active=False)
    for code, skus in (("inactive_sku", [gone]), ("mixed_currencies", [dollars, euros])):
        with pytest.raises(OrderError) as refused:
            place(new_order=wanted_by(customer, *skus), by=ANA, at=timezone.now())
        assert (refused.value.code, Order.objects.count()) == (code, 0)


def test_an_expired_card_is_refused() -> None:
    place_order()
    Card.objects.update(exp_year=2020)
    with pytest.raises(OrderError) as refused:
        place_order(token="", card_id=Card.objects.get().pk)
    assert (refused.value.code, Order.objects.count()) == ("card_expired", 1)


def at_once(wanted: list[NewOrder]) -> list[Order | str]:
    """Place all of them at the same time; a refused one gives its code."""

    def one(each: NewOrder) -> Order | str:
        try:
            return place(new_order=each, by=ANA, at=timezone.now())
        except OrderError as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(wanted)) as pool:
        return list(pool.map(one, wanted))


@pytest.mark.django_db(transaction=True)
def test_the_same_key_twenty_times_at_once_makes_one_order(ledger: Ledger) -> None:
    wanted = replace(ask(), key="form-1")
    made = at_once([wanted] * 20)

    assert {order.pk for order in made if isinstance(order, Order)} == {Order.objects.get().pk}
    assert [each["amount"] for each in ledger()["payment_intents"]] == [1500]
    assert Sku.objects.get().inventory_quantity == 2


def test_the_same_key_with_other_contents_is_a_conflict() -> None:
    wanted = replace(ask(), key="form-1")
    first = place(new_order=wanted, by=ANA, at=timezone.now())
    assert place(new_order=wanted, by=ANA, at=timezone.now()).pk == first.pk
    with pytest.raises(OrderError) as refused:
        place(new_order=replace(wanted, coupon_code="X"), by=ANA, at=timezone.now())
    assert (refused.value.code, Order.objects.count()) == ("idempotency_conflict", 1)


@pytest.mark.django_db(transaction=True)
def test_the_last_item_goes_to_one_of_twenty(ledger: Ledger) -> None:
    sku = make_sku(stock=1)
    people = [make_customer(f"ada{number}@example.com") for number in range(20)]
    made = at_once([wanted_by(person, sku) for person in people])

    assert sorted(str(each) for each in made if isinstance(each, str)) == ["out_of_stock"] * 19
    assert len(ledger()["payment_intents"]) == 1


@pytest.mark.django_db(transaction=True)
def test_the_last_redemption_goes_to_one_of_twenty() -> None:
    sku = make_sku()
    coupon = make_coupon(percent_off=10, max_redemptions=1)
    people = [make_customer(f"ada{number}@example.com") for number in range(20)]
    made = at_once([wanted_by(person, sku, coupon_code="SAVE10") for person in people])

    assert [each for each in made if isinstance(each, str)] == ["coupon_exhausted"] * 19
    coupon.refresh_from_db()
    assert coupon.times_redeemed == 1
