from collections.abc import Callable

import pytest

from customers.accounts import create_account
from customers.models import Customer
from ecommerce.api import throttling
from ecommerce.models import ApiKey, Sku
from tests.support.api_client import PASSWORD, Api, sign_in
from tests.support.factories import ANA, make_customer, make_sku


@pytest.fixture(autouse=True)
def _fresh() -> None:
    throttling._shared().storage.reset()


@pytest.fixture
def make_account(db: None) -> Callable[[str], Customer]:
    def make(email: str) -> Customer:
        customer = make_customer(email)
        create_account(customer=customer, password=PASSWORD)
        return customer

    return make


@pytest.fixture
def customer(make_account: Callable[[str], Customer]) -> Customer:
    return make_account("ada@example.com")


@pytest.fixture
def ada(customer: Customer) -> Api:
    return sign_in()


@pytest.fixture
def eve(make_account: Callable[[str], Customer]) -> Api:
    make_account("eve@example.com")
    return sign_in("eve@example.com")


@pytest.fixture
def staff(db: None) -> Api:
    _key, text = ApiKey.objects.create_key(name="Warehouse", permissions=list(ApiKey.Permission), by=ANA)
    return Api(text)


@pytest.fixture
def mug(db: None) -> Sku:
    return make_sku(stock=20)
