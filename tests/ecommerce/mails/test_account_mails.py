"""Mails about accounts are the shop's: from the seller, laid out as those of orders, rows of the same outbox."""

from collections.abc import Callable
from typing import Any

import pytest

from customers.accounts import create_account
from customers.models import Customer, Mail
from ecommerce.api import throttling
from staff.invitations import invite
from tests.support.api_client import PASSWORD, SDK, Api
from tests.support.factories import make_customer
from tests.support.front_door import a_member
from tests.support.mailbox import written
from tests.support.sellers import a_seller

pytestmark = pytest.mark.django_db
SIGNATURE = "\n\n-- \nKrug GmbH\nInvalidenstraße 116, 10115 Berlin, Germany\nVAT number DE136695976"


@pytest.fixture(autouse=True)
def _fresh(settings: Any) -> None:
    settings.EMAIL_BACKEND = "customers.mail.backend.OutboxBackend"
    throttling._shared().storage.reset()
    a_seller()


def signed_up() -> Mail:
    assert Api().post(f"{SDK}/auth/register", {"email": "ada@example.com", "password": PASSWORD}).status < 300
    (mail,) = written(kind=Mail.Kind.ACCOUNT)
    return mail


def asked_for_a_password() -> Mail:
    create_account(customer=make_customer(), password=PASSWORD)
    assert Api().post(f"{SDK}/auth/password/forgot", {"email": "ada@example.com"}).status < 300
    (mail,) = written(kind=Mail.Kind.PASSWORD_RESET)
    return mail


@pytest.mark.parametrize("mail_of", [signed_up, asked_for_a_password])
def test_a_customers_mail_is_from_the_seller_and_names_no_program(mail_of: Callable[[], Mail]) -> None:
    mail = mail_of()
    assert SIGNATURE in mail.text
    assert "Pelcro" not in mail.text + mail.html
    assert mail.html.count("Krug GmbH") == 2  # above the text, and below it
    assert "https://" in mail.html or "http://" in mail.html
    assert (mail.about, mail.language) == (Customer.objects.get(), "en")


def test_an_invitation_to_the_staff_is_from_the_program() -> None:
    invite(user=a_member("ben"), by=a_member("ana"))
    (mail,) = written(kind=Mail.Kind.ACCOUNT)
    assert mail.text.splitlines()[-1].startswith("Pelcro Orders, ")
    assert "-- " not in mail.text
