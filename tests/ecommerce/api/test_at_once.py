"""Many at the same moment, over the API."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection

from customers.models import Customer
from ecommerce.models import Order, Sku
from tests.support.api_client import PASSWORD, SDK, Answer, Api, paying, sign_in
from tests.support.factories import make_coupon, make_sku

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("balanced")]
TWENTY = 20


@pytest.fixture
def twenty(make_account: Callable[[str], Customer]) -> list[Api]:
    emails = [f"ada{number}@example.com" for number in range(TWENTY)]
    for email in emails:
        make_account(email)
    return [sign_in(email) for email in emails]


def at_once(shops: list[Api], body: dict[str, Any], **headers: str) -> list[Answer]:
    def one(api: Api) -> Answer:
        try:
            return Api(api.token).order(body, **headers)
        finally:
            connection.close()

    with ThreadPoolExecutor(TWENTY) as pool:
        return list(pool.map(one, shops))


def test_the_last_item_goes_to_one_of_twenty(twenty: list[Api]) -> None:
    sku = make_sku(stock=1)
    answers = at_once(twenty, paying(sku))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 19
    assert {answer.code for answer in answers if answer.status == 409} == {"out_of_stock"}
    sku.refresh_from_db()
    assert (sku.inventory_quantity, Order.objects.count()) == (0, 1)


def test_the_last_redemption_goes_to_one_of_twenty(twenty: list[Api], mug: Sku) -> None:
    coupon = make_coupon("LAST", percent_off=10, max_redemptions=1)
    answers = at_once(twenty, {**paying(mug), "coupon_code": "LAST"})
    assert sorted(answer.status for answer in answers) == [200] + [409] * 19
    assert {answer.code for answer in answers if answer.status == 409} == {"coupon_exhausted"}
    coupon.refresh_from_db()
    assert coupon.times_redeemed == 1


def test_one_basket_sent_twenty_times_with_a_key_is_one_order_and_without_one_twenty(ada: Api, mug: Sku) -> None:
    with_key = at_once([ada] * TWENTY, paying(mug), idempotency_key="basket")
    assert {answer.order["number"] for answer in with_key} == {Order.objects.get().number}
    assert {answer.status for answer in with_key} <= {200, 202}
    without = at_once([ada] * 5, paying(mug))
    assert len({answer.order["number"] for answer in without}) == 5
    mug.refresh_from_db()
    assert mug.inventory_quantity == 20 - 6


def test_a_refresh_token_sent_ten_times_at_once_is_exchanged_once_and_ends_its_sign_in(customer: Customer) -> None:
    known = {"email": customer.email, "password": PASSWORD}
    token = Api().post(f"{SDK}/auth/login", known).data["refresh_token"]

    def refresh(_: int) -> Answer:
        try:
            return Api().post(f"{SDK}/auth/refresh", {"refresh_token": token})
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(refresh, range(10)))
    assert sorted(answer.status for answer in answers) == [200] + [401] * 9
    (renewed,) = [answer.data for answer in answers if answer.status == 200]
    assert Api(renewed["auth_token"]).get(f"{SDK}/customer").status == 401
    assert Api().post(f"{SDK}/auth/refresh", {"refresh_token": renewed["refresh_token"]}).status == 401
    assert Session.objects.count() == 0
