from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from ecommerce.models import Coupon
from tests.support.factories import make_coupon, make_customer, make_sku
from tests.support.forms import filled_in, sentences
from tests.support.rows import an_order

LIST = "/admin/ecommerce/coupon/"


@pytest.fixture
def manager(as_role: Callable[[str], Client]) -> Client:
    return as_role("Manager")


def add(browser: Client, **fields: str) -> Any:
    return browser.post(f"{LIST}add/", filled_in(browser.get(f"{LIST}add/")) | fields, follow=True)


def change(browser: Client, coupon: Coupon, **fields: str) -> Any:
    address = f"{LIST}{coupon.pk}/change/"
    return browser.post(address, filled_in(browser.get(address)) | fields, follow=True)


def test_a_percentage(manager: Client) -> None:
    add(manager, code=" SAVE10 ", percent_off="12.5", max_redemptions="3")

    coupon = Coupon.objects.get()
    assert (coupon.code, coupon.percent_off, coupon.amount_off, coupon.currency) == (
        "SAVE10",
        Decimal("12.5"),
        None,
        "",
    )
    assert coupon.max_redemptions == 3


def test_an_amount(manager: Client) -> None:
    add(manager, code="TEN", amount_off="10.50", currency="eur")

    coupon = Coupon.objects.get()
    assert (coupon.percent_off, coupon.amount_off, coupon.currency) == (None, 1050, "eur")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "Give a percentage, or an amount above zero with its currency."),
        ({"percent_off": "10", "amount_off": "5", "currency": "usd"}, "either a percentage or an amount, not both"),
        ({"percent_off": "101"}, "above 0 and up to 100"),
        ({"percent_off": "0"}, "above 0 and up to 100"),
        ({"amount_off": "5"}, "Choose the currency of the amount."),
        ({"amount_off": "0", "currency": "usd"}, "an amount above zero"),
        ({"amount_off": "1.5", "currency": "jpy"}, "has no decimals"),
        ({"percent_off": "10", "max_redemptions": "-1"}, "greater than or equal to 0"),
        ({"percent_off": "10", "code": ""}, "This field is required."),
    ],
)
def test_terms_that_make_no_sense_are_refused_in_words(manager: Client, fields: dict[str, str], said: str) -> None:
    answer = add(manager, **({"code": "X"} | fields))

    assert said in sentences(answer)
    assert not Coupon.objects.exists()


def test_a_code_is_taken_whatever_its_case(manager: Client) -> None:
    make_coupon("Été10")

    answer = add(manager, code="éTÉ10", percent_off="10")

    assert "Coupon Été10 has this code already." in sentences(answer)
    assert Coupon.objects.count() == 1


def test_code_and_terms_are_fixed_once_an_order_carries_them(manager: Client) -> None:
    coupon = make_coupon()
    change(manager, coupon, code="SAVE20", percent_off="20")
    an_order(make_customer(), make_sku(), coupon=coupon)

    change(manager, coupon, code="OTHER", percent_off="90")

    assert Coupon.objects.values_list("code", "percent_off").get() == ("SAVE20", Decimal(20))
    assert "20 % off" in sentences(manager.get(f"{LIST}{coupon.pk}/change/"))


def test_an_open_form_does_not_take_back_redemptions(manager: Client) -> None:
    coupon = make_coupon(percent_off=10, max_redemptions=5, times_redeemed=1)
    address = f"{LIST}{coupon.pk}/change/"
    form = filled_in(manager.get(address))
    Coupon.objects.update(times_redeemed=F("times_redeemed") + 2)

    manager.post(address, form | {"max_redemptions": "9", "times_redeemed": "0"})

    assert Coupon.objects.values_list("times_redeemed", "max_redemptions").get() == (3, 9)


def test_no_fewer_redemptions_than_there_were(manager: Client) -> None:
    coupon = make_coupon(percent_off=10, max_redemptions=5, times_redeemed=4)

    answer = change(manager, coupon, max_redemptions="3")

    assert "It was redeemed 4 times already" in sentences(answer)
    assert Coupon.objects.get().max_redemptions == 5


def test_a_coupon_of_orders_is_not_deleted(manager: Client) -> None:
    used, unused = make_coupon("USED"), make_coupon("UNUSED")
    an_order(make_customer(), make_sku(), coupon=used)

    answer = manager.post(f"{LIST}{used.pk}/delete/", {"post": "yes"}, follow=True)
    manager.post(f"{LIST}{unused.pk}/delete/", {"post": "yes"})

    assert "Coupon USED was redeemed: it stays with its orders." in sentences(answer)
    assert list(Coupon.objects.all()) == [used]


def test_the_list_says_what_can_be_redeemed(manager: Client) -> None:
    make_coupon("A", percent_off=10)
    make_coupon("B", amount_off=500, currency="usd", max_redemptions=2, times_redeemed=2)
    make_coupon("C", percent_off=10, redeem_by=timezone.now() - timedelta(days=1))
    make_coupon("D", percent_off=10, active=False)

    page = sentences(manager.get(LIST))

    for words in ("10 % off 0 – Active", "USD 5.00 off 2 / 2 – Used up", "UTC Expired", "Inactive"):
        assert words in page
