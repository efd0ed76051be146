import pytest

from customers.accounts import create_account
from customers.models import Customer
from tests.support.api_client import PASSWORD
from tests.support.factories import make_customer


@pytest.fixture
def customer(db: None) -> Customer:
    customer = make_customer("ada@example.com")
    create_account(customer=customer, password=PASSWORD)
    return customer
