"""Prices by hand, as the act takes and refuses them: discounts, custom lines, another price of shipping."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from customers.actors import SYSTEM, Actor, ActorKind
from customers.models import Address, User
from ecommerce.models import Order, ShippingZone, Sku
from ecommerce.orders.errors import OrderError
from ecommerce.orders.lines import CustomLine, LineRequest
from ecommerce.orders.place import NewOrder, place
from ecommerce.orders.shipping import ShippingChoice
from ecommerce.pricing.order import Discount
from staff.discount_ceiling import set_discount_ceiling
from tests.support.factories import (
    ANA,
    make_address,
    make_coupon,
    make_customer,
    make_shipping_rate,
    make_sku,
    make_staff,
    make_user,
    wanted_by,
)
from tests.support.order_acts import refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
DISCOUNT, OVERRIDE = "ecommerce.discount_order", "ecommerce.override_shipping"


def percent(number: str) -> Discount:
    return Discount(percent_off=Decimal(number))


@pytest.fixture
def mug() -> Sku:
    return make_sku(price=1500)


def wanted(sku: Sku, *, quantity: int = 1, off: Discount | None = None, **fields: Any) -> NewOrder:
    customer = make_customer()
    new_order = wanted_by(customer, sku, **({"discount_reason": "Late parcel"} | fields))
    return replace(new_order, items=(LineRequest(sku_id=sku.pk, quantity=quantity, discount=off),))


def placed(new_order: NewOrder, by: Actor) -> Order:
    return place(new_order=new_order, by=by, at=timezone.now())


def staff(*permissions: str) -> Actor:
    return Actor.staff(make_staff("mia", *permissions))


def with_ceilings(*ceilings: str | None) -> Actor:
    user = User.objects.create(username="mia", is_staff=True)
    for number, ceiling in enumerate(ceilings):
        group = Group.objects.create(name=f"Sellers {number}")
        group.permissions.add(Permission.objects.get(codename="discount_order"))
        set_discount_ceiling(group, None if ceiling is None else Decimal(ceiling))
        user.groups.add(group)
    return Actor.staff(user)


OTHERS = [
    ANA,
    Actor(kind=ActorKind.CUSTOMER, label="Ada"),
    Actor(kind=ActorKind.API_KEY, label="till"),
]


@pytest.mark.parametrize("by", OTHERS, ids=str)
def test_only_staff_who_may_give_discounts(mug: Sku, by: Actor) -> None:
    discounted = wanted(mug, off=percent("10"))
    with refused("discount_not_allowed"):
        placed(discounted, by)
    with refused("discount_not_allowed"):
        placed(replace(discounted, items=wanted_items(mug), discount=percent("10")), by)
    with refused("custom_line_not_allowed"):
        placed(replace(discounted, items=(custom(),)), by)
    with refused("shipping_price_not_allowed"):
        placed(replace(discounted, items=wanted_items(mug), shipping=ShippingChoice(price=0)), by)


def wanted_items(sku: Sku) -> tuple[LineRequest, ...]:
    return (LineRequest(sku_id=sku.pk, quantity=1),)


def custom(quantity: int = 1, **fields: Any) -> LineRequest:
    known: dict[str, Any] = {"description": "Engraving", "unit_price": 500, "currency": "usd"}
    return LineRequest(custom=CustomLine(**(known | fields)), quantity=quantity)


def test_a_permission_that_was_withdrawn_counts_at_once(mug: Sku) -> None:
    by = staff(DISCOUNT)
    User.objects.get(username="mia").user_permissions.clear()
    with refused("discount_not_allowed"):
        placed(wanted(mug, off=percent("10")), by)


def test_a_discount_has_a_reason(mug: Sku) -> None:
    by = staff(DISCOUNT)
    new_order = wanted(mug, off=percent("10"), discount_reason="  ")
    with refused("reason_required"):
        placed(new_order, by)
    with refused("reason_too_long"):
        placed(replace(new_order, discount_reason="x" * 201), by)
    order = placed(replace(new_order, discount_reason=" Late parcel "), by)
    assert (order.manual_discount, order.discount_reason, order.total) == (150, "Late parcel", 1350)


def test_a_reason_without_a_discount_is_none(mug: Sku) -> None:
    assert placed(wanted(mug), staff()).discount_reason == ""


@pytest.mark.parametrize(
    ("ceilings", "most"),
    [(("20",), 600), (("5", "20"), 600), (("7.5",), 225), (("20", None), 3000), ((None,), 3000)],
)
def test_no_more_than_the_highest_ceiling_of_the_roles(mug: Sku, ceilings: tuple[str | None, ...], most: int) -> None:
    by = with_ceilings(*ceilings)
    new_order = wanted(mug, quantity=2)
    if most < 3000:
        with refused("discount_above_ceiling"):
            placed(replace(new_order, discount=Discount(amount_off=most + 1)), by)
    assert placed(replace(new_order, discount=Discount(amount_off=most)), by).manual_discount == most


def test_a_ceiling_of_nothing_is_no_discount(mug: Sku) -> None:
    with refused("discount_not_allowed"):
        placed(wanted(mug, off=percent("1")), with_ceilings("0"))


def test_lines_and_the_whole_are_counted_together_and_said(mug: Sku) -> None:
    by = with_ceilings("10")
    new_order = wanted(mug, off=percent("10"))
    with pytest.raises(OrderError) as refusal:
        placed(replace(new_order, discount=Discount(amount_off=1)), by)
    assert refusal.value.message == (
        "You may take off at most 10 % of the lines' price, USD 1.50 here; this takes off USD 1.51."
    )
    assert placed(new_order, by).manual_discount == 150


def test_a_coupon_does_not_count(mug: Sku) -> None:
    make_coupon("HALF", percent_off=50)
    order = placed(wanted(mug, off=percent("10"), coupon_code="HALF"), with_ceilings("10"))
    assert (order.manual_discount, order.discount) == (150, 150 + 675)


@pytest.mark.parametrize("currency", ["usd", "jpy", "kwd", "isk"])
def test_the_percentage_of_the_ceiling_itself_is_never_above_it(currency: str) -> None:
    step = {"isk": 100, "kwd": 10}.get(currency, 1)
    skus = [make_sku(f"S{number}", price=995 * step, currency=currency) for number in range(3)]
    new_order = wanted(skus[0])
    items = tuple(LineRequest(sku_id=sku.pk, quantity=1, discount=percent("10")) for sku in skus)
    assert placed(replace(new_order, items=items), with_ceilings("10")).manual_discount == 300 * step


def test_a_superuser_has_no_ceiling(mug: Sku) -> None:
    by = Actor.staff(make_user("boss", is_superuser=True))
    order = placed(wanted(mug, off=percent("100")), by)
    assert (order.total, order.status) == (0, "paid")


def test_two_rows_of_one_sku_each_have_their_amount_off(mug: Sku) -> None:
    item = LineRequest(sku_id=mug.pk, quantity=1, discount=Discount(amount_off=100))
    order = placed(replace(wanted(mug), items=(item, item)), SYSTEM)
    assert list(order.items.values_list("quantity", "manual_discount")) == [(1, 100), (1, 100)]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"description": "  "}, "invalid_description"),
        ({"description": "x" * 301}, "invalid_description"),
        ({"unit_price": -1}, "invalid_price"),
        ({"unit_price": 150, "currency": "isk"}, "invalid_price"),
        ({"currency": "xxx"}, "invalid_currency"),
        ({"currency": "eur"}, "mixed_currencies"),
        ({"tax_category": "luxury"}, "invalid_tax_category"),
        ({"unit_price": 10**12}, "amount_too_large"),
    ],
)
def test_a_custom_line_that_makes_no_sense_is_refused(mug: Sku, fields: dict[str, Any], code: str) -> None:
    new_order = replace(wanted(mug), items=(*wanted_items(mug), custom(**fields)))
    with refused(code):
        placed(new_order, staff(DISCOUNT))


def test_an_order_of_a_custom_line_alone(ledger: Any) -> None:
    new_order = replace(wanted_by(make_customer()), items=(custom(quantity=2),))
    order = placed(new_order, staff(DISCOUNT))
    assert (order.status, order.total, order.summary, order.sku_codes) == ("paid", 1000, "2 x Engraving", "")


@pytest.fixture
def berlin() -> Address:
    make_shipping_rate(currency="usd", price=490, zone=ShippingZone.objects.create(name="DE", countries=["DE"]))
    return make_address(make_customer(), country="DE", city="Berlin", postal_code="10115")


def test_another_price_of_shipping(berlin: Address) -> None:
    mug = make_sku(shippable=True)
    new_order = wanted_by(berlin.customer, mug, address_id=berlin.pk, shipping=ShippingChoice(price=100))
    with refused("invalid_shipping_price"):
        placed(replace(new_order, shipping=ShippingChoice(price=-1)), SYSTEM)
    order = placed(new_order, staff(OVERRIDE))
    assert (order.shipping, order.shipping_name, order.total) == (100, "Parcel", 1600)
