import logging

import pytest
from django.test import Client

from customers.models import Customer
from tests.support.api_client import PASSWORD as CUSTOMERS_PASSWORD
from tests.support.api_client import SDK, Answer, Api
from tests.support.forms import sentences
from tests.support.front_door import ELSEWHERE, PASSWORD, SHOP, STRANGER, a_member, drop_device, is_in, sign_in

pytestmark = pytest.mark.django_db


def guess(times: int, name: str = "ana", address: str = STRANGER) -> Client:
    stranger = Client(REMOTE_ADDR=address)
    for _ in range(times):
        sign_in(name, "a guess", stranger)
    return stranger


def api_login(password: str, address: str, email: str = "ada@example.com", **body: str) -> Answer:
    api = Api()
    api.client = Client(REMOTE_ADDR=address)
    return api.post(f"{SDK}/auth/login", {"email": email, "password": password, **body})


def test_guessing_at_one_address_is_stopped_even_with_the_right_password() -> None:
    a_member()
    stranger = guess(5)

    assert not is_in(sign_in("ana", PASSWORD, stranger))
    assert "Too many failed" in sentences(stranger.last)  # type: ignore[attr-defined]
    assert is_in(sign_in(browser=Client(REMOTE_ADDR=ELSEWHERE)))


def test_an_e_mail_and_a_user_name_of_one_account_count_together() -> None:
    a_member()
    stranger = guess(3)
    for _ in range(2):
        sign_in("ANA@example.com", "a guess", stranger)

    assert not is_in(sign_in("ana", PASSWORD, stranger))


def test_a_stranger_behind_the_same_proxy_locks_out_no_known_device() -> None:
    a_member()
    owner = sign_in(browser=Client(REMOTE_ADDR=SHOP))
    owner.post("/admin/logout/")
    guess(20, address=SHOP)

    assert is_in(sign_in(browser=owner))


def test_guessing_from_many_addresses_is_stopped_but_for_known_devices() -> None:
    a_member()
    owner = sign_in(browser=Client(REMOTE_ADDR=SHOP))
    owner.post("/admin/logout/")
    for network in range(15):
        guess(5, address=f"8.8.{network}.1")

    assert not is_in(sign_in(browser=Client(REMOTE_ADDR="8.8.99.1")))
    assert is_in(sign_in(browser=owner))


def test_a_known_device_is_counted_too() -> None:
    a_member()
    browser = sign_in()
    browser.post("/admin/logout/")
    for _ in range(10):
        sign_in(password="a guess", browser=browser)

    assert not is_in(sign_in(browser=browser))


def test_a_device_cookie_of_another_account_or_a_forged_one_exempts_nobody() -> None:
    a_member()
    a_member("ben")
    thief = sign_in("ben", browser=Client(REMOTE_ADDR=SHOP))
    thief.post("/admin/logout/")
    for _ in range(5):
        sign_in("ana", "a guess", thief)
    assert not is_in(sign_in("ana", PASSWORD, thief))
    drop_device(thief)
    thief.cookies["known_device"] = "eyIxIjoiYSJ9:1xXC4j:forged"
    assert not is_in(sign_in("ana", PASSWORD, thief))


def test_one_password_tried_on_many_accounts_from_one_address_is_stopped() -> None:
    a_member()
    for number in range(100):
        guess(1, f"unknown{number}", "8.8.4.4")

    assert not is_in(sign_in(browser=Client(REMOTE_ADDR="8.8.4.4")))


def test_all_who_share_an_address_of_a_private_network_are_not_stopped_together() -> None:
    a_member()
    for number in range(110):
        guess(1, f"unknown{number}", "10.0.0.1")

    assert is_in(sign_in(browser=Client(REMOTE_ADDR="10.0.0.1")))


def test_a_right_password_is_not_counted_and_clears_no_failures() -> None:
    a_member()
    browser = Client(REMOTE_ADDR=SHOP)
    for _ in range(12):
        sign_in(browser=browser)
        drop_device(browser)
        browser.post("/admin/logout/")
    guess(4, address=SHOP)
    assert is_in(sign_in(browser=browser))
    drop_device(browser)
    browser.post("/admin/logout/")
    guess(1, address=SHOP)
    assert not is_in(sign_in(browser=browser))


def test_the_websites_customers_are_counted_in_the_same_place(customer: Customer) -> None:
    device = api_login(CUSTOMERS_PASSWORD, SHOP).data["device_token"]
    for _ in range(5):
        assert api_login("a guess", SHOP).status == 401

    assert api_login(CUSTOMERS_PASSWORD, SHOP).status == 429
    assert api_login(CUSTOMERS_PASSWORD, SHOP, device_token="forged").status == 429
    assert api_login(CUSTOMERS_PASSWORD, SHOP, device_token=device).status == 200
    assert api_login(CUSTOMERS_PASSWORD, ELSEWHERE).status == 200


def test_the_addresses_are_those_that_trusted_proxies_name(settings: object) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1  # type: ignore[attr-defined]
    a_member()
    for _ in range(5):
        sign_in(password="a guess", browser=Client(REMOTE_ADDR=SHOP, HTTP_X_FORWARDED_FOR=f"1.2.3.4, {STRANGER}"))
    ours = Client(REMOTE_ADDR=SHOP, HTTP_X_FORWARDED_FOR=f"{STRANGER}, {ELSEWHERE}")

    assert is_in(sign_in(browser=ours))


def test_failures_are_logged_without_what_was_typed(caplog: pytest.LogCaptureFixture) -> None:
    ana = a_member()
    with caplog.at_level(logging.WARNING, "customers.sign_in_limits"):
        guess(6)
        guess(1, "hunter2")

    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == f"Sign-in failed: user {ana.pk}, from {STRANGER}."
    assert lines[5] == f"Sign-in refused, too many attempts: user {ana.pk}, from {STRANGER}."
    assert lines[6] == f"Sign-in failed: an unknown account, from {STRANGER}."
