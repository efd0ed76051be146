"""What was given out under an earlier SECRET_KEY is good as long as that one is among SECRET_KEY_FALLBACKS."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from backoffice import kept_forms
from billing.documents import links
from customers import known_devices
from customers.accounts import create_account, password_key
from customers.models import Customer
from customers.sessions import SessionStore
from ecommerce.models import PaymentLink
from pelcro_orders.cookies import MessageStorage
from tests.support.api_client import PASSWORD, SDK, Api
from tests.support.factories import make_customer, make_sku
from tests.support.front_door import a_member, is_in, sign_in
from tests.support.mailbox import deliver
from tests.support.rows import ANA, a_paid_order, an_order

pytestmark = pytest.mark.django_db
NEW_KEY = "a-new-key-of-tests-alone-that-guards-nothing-9876543210"
IsGood = Callable[[], bool]


def ada() -> Customer:
    customer = make_customer()
    create_account(customer=customer, password=PASSWORD)
    return customer


def tokens() -> dict[str, Any]:
    ada()
    data: dict[str, Any] = Api().post(f"{SDK}/auth/login", {"email": "ada@example.com", "password": PASSWORD}).data
    return data


def session_of_staff() -> IsGood:
    a_member()
    browser = sign_in()
    return lambda: is_in(browser)


def access_token() -> IsGood:
    website = Api(tokens()["auth_token"])
    return lambda: website.get(f"{SDK}/customer").status == 200


def refresh_token() -> IsGood:
    refresh = {"refresh_token": tokens()["refresh_token"]}

    def is_good() -> bool:
        answer = Api().post(f"{SDK}/auth/refresh", refresh)
        refresh.update(answer.data if answer.status == 200 else {})
        return answer.status == 200

    return is_good


def password_link() -> IsGood:
    user = ada().user
    assert user is not None
    key = password_key(user)
    reset = {"key": key, "password": "another long passphrase"}
    return lambda: Api().post(f"{SDK}/auth/password/reset", reset).status == 200


def confirmation_link() -> IsGood:
    new = {"email": "grace@example.com", "password": PASSWORD, "first_name": "Grace", "last_name": "Hopper"}
    Api().post(f"{SDK}/auth/register", new)
    found = re.search(r"/shop/confirm/#(\S+)", str(deliver()[0].body))
    assert found
    key = {"key": found[1].replace("%3A", ":")}
    return lambda: Api().post(f"{SDK}/auth/email/verify", key).status == 200


def payment_link() -> IsGood:
    ends = {"created_at": timezone.now(), "expires_at": timezone.now() + timedelta(days=1)}
    link = PaymentLink.objects.create(order=an_order(make_customer(), make_sku()), **ends, **ANA)
    token = link.token
    return lambda: PaymentLink.objects.of_token(token) == link


def document_link() -> IsGood:
    issued = a_paid_order(make_customer(), make_sku()).invoice
    assert issued is not None
    token = links.signed_link(issued).rstrip("/").rpartition("/")[2]
    return lambda: links.read_link(token) == issued


def known_device() -> IsGood:
    user, request, response = a_member(), HttpRequest(), HttpResponse()
    known_devices.remember(request, user)
    known_devices.set_cookie(request, response)
    again = HttpRequest()
    again.COOKIES = {name: morsel.value for name, morsel in response.cookies.items()}
    return lambda: known_devices.device_of(again, user) is not None


def last_person_at_a_browser() -> IsGood:
    a_member()
    browser = sign_in()
    is_in(browser)
    request = HttpRequest()
    request.COOKIES = {name: morsel.value for name, morsel in browser.cookies.items()}
    return lambda: bool(kept_forms._owner(request))


def message_to_the_next_page() -> IsGood:
    request, response = HttpRequest(), HttpResponse()
    request.session = SessionStore()
    storage = MessageStorage(request)
    storage.add(20, "Saved.")
    storage.update(response)
    request.COOKIES = {name: morsel.value for name, morsel in response.cookies.items()}
    return lambda: [str(message) for message in MessageStorage(request)] == ["Saved."]


ONCE = (password_link, confirmation_link)
KINDS = (
    *(session_of_staff, access_token, refresh_token, *ONCE, payment_link, document_link),
    *(known_device, last_person_at_a_browser, message_to_the_next_page),
)


@pytest.mark.parametrize("issue", KINDS)
def test_what_an_earlier_key_has_signed_is_good_and_stays_so(settings: Any, issue: Callable[[], IsGood]) -> None:
    is_good = issue()
    settings.SECRET_KEY_FALLBACKS = ["one-before-that-guards-nothing-either-9876543210", settings.SECRET_KEY]
    settings.SECRET_KEY = NEW_KEY
    assert [is_good() for _ in range(1 if issue in ONCE else 2)] == ([True] if issue in ONCE else [True, True])


@pytest.mark.parametrize("issue", KINDS)
def test_a_key_that_is_forgotten_ends_what_it_has_signed(settings: Any, issue: Callable[[], IsGood]) -> None:
    is_good = issue()
    settings.SECRET_KEY = NEW_KEY
    assert not is_good()


@pytest.mark.parametrize("issue", [session_of_staff, access_token, refresh_token])
def test_a_session_in_use_outlives_its_first_key(settings: Any, issue: Callable[[], IsGood]) -> None:
    is_good = issue()
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], NEW_KEY
    assert is_good()
    settings.SECRET_KEY_FALLBACKS = []
    assert is_good() is (issue is not access_token)  # which lives for an hour, and is not given out anew
