"""Signing in, and how long it lasts."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db.models import F
from django.test import Client

from backoffice import database_clock
from customers.models import Customer, User
from customers.sessions import SessionStore
from staff.models import StaffSession
from tests.support.api_client import PASSWORD as CUSTOMERS_PASSWORD
from tests.support.api_client import SDK, Api
from tests.support.api_client import sign_in as customer_signs_in
from tests.support.factories import make_customer
from tests.support.forms import sentences
from tests.support.front_door import ACCOUNT, LOGIN, PASSWORD, a_member, is_in, sign_in

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def later(**passed: int) -> None:
    """Let time pass for all sessions, as the database's clock sees them."""
    Session.objects.update(expire_date=F("expire_date") - timedelta(**passed))


def remaining() -> timedelta:
    return Session.objects.get().expire_date - database_clock.now()


@pytest.mark.parametrize("name", ["ana", "Ana@Example.com"])
def test_staff_sign_in_by_user_name_or_e_mail_and_go_where_they_wanted(name: str) -> None:
    a_member()
    browser = Client()
    answer = browser.post(f"{LOGIN}?next=/admin/account/", {"username": name, "password": PASSWORD})

    assert (answer.status_code, answer["Location"]) == (302, "/admin/account/")
    assert is_in(browser)


def test_nobody_else_signs_in_and_all_get_the_same_answer(customer: Customer) -> None:
    a_member("gone", is_active=False)
    a_member("noname", is_staff=False)
    assert customer.user
    tries = [("gone", PASSWORD), ("noname", PASSWORD), ("nobody", "x"), (customer.user.username, CUSTOMERS_PASSWORD)]
    for name, password in tries:
        browser = sign_in(name, password)
        assert "User name or password is wrong." in sentences(browser.last)  # type: ignore[attr-defined]
        assert not is_in(browser)


def test_another_website_is_no_place_to_go_on_to() -> None:
    a_member()
    answer = Client().post(f"{LOGIN}?next=https://evil.example/", {"username": "ana", "password": PASSWORD})
    assert answer["Location"] == "/admin/"


def test_who_signs_in_on_a_page_left_open_by_another_is_not_taken_for_them() -> None:
    a_member()
    a_member("ben")
    browser = sign_in()
    assert browser.get(LOGIN)["Location"] == "/admin/"
    sign_in("ben", browser=browser)
    assert browser.get(ACCOUNT).context["form"].instance.username == "ben"


def test_signing_in_sends_no_mail(mailoutbox: list[object]) -> None:
    a_member()
    sign_in()
    assert mailoutbox == []


def test_a_session_ends_after_eight_hours_without_a_request() -> None:
    a_member()
    browser = sign_in()
    later(hours=7, minutes=59)
    assert is_in(browser)
    later(hours=7, minutes=59)
    assert is_in(browser)
    later(hours=8, minutes=1)
    assert not is_in(browser)


def test_a_session_ends_after_fourteen_days_however_busy_it_is() -> None:
    a_member()
    browser = sign_in()
    session = browser.session
    session["signed_in_at"] -= timedelta(days=13, hours=20).total_seconds()
    session.save()
    assert timedelta(hours=3, minutes=59) < remaining() <= timedelta(hours=4)
    assert is_in(browser)
    assert remaining() <= timedelta(hours=4)
    session = browser.session
    session["signed_in_at"] -= timedelta(hours=5).total_seconds()
    session.save()
    assert not is_in(browser)


def test_the_websites_tokens_end_fourteen_days_after_the_sign_in_though_refreshed(customer: Customer) -> None:
    tokens = Api().post(f"{SDK}/auth/login", {"email": customer.email, "password": CUSTOMERS_PASSWORD}).data
    session = SessionStore(Session.objects.get().session_key)
    session["signed_in_at"] -= timedelta(days=13, hours=23).total_seconds()
    session.save()

    renewed = Api().post(f"{SDK}/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert renewed.status == 200
    assert timedelta(minutes=59) < remaining() <= timedelta(hours=1)


def test_a_session_of_the_website_opens_no_page_of_the_staff() -> None:
    ana = a_member()
    make_customer("ana@example.com", user=ana)
    customer_signs_in("ana@example.com", PASSWORD)
    browser = Client()
    browser.cookies["sessionid"] = Session.objects.get().session_key

    assert browser.get("/admin/")["Location"].startswith(LOGIN)
    assert not is_in(browser)


def test_who_has_left_the_staff_is_signed_out_and_not_sent_round_in_circles() -> None:
    ana = a_member()
    browser = sign_in()
    User.objects.filter(pk=ana.pk).update(is_staff=False)

    assert browser.get("/admin/", follow=True).redirect_chain[-1][0].startswith(LOGIN)


def test_the_account_lists_sessions_and_ends_one_or_all() -> None:
    ana = a_member()
    here, there = Client(HTTP_USER_AGENT=FIREFOX), Client(HTTP_USER_AGENT="", REMOTE_ADDR="203.0.113.7")
    sign_in(browser=here)
    sign_in(browser=there)
    page = sentences(here.get(ACCOUNT))
    assert "Firefox, Linux · here" in page
    assert "203.0.113.7" in page

    other = StaffSession.objects.get(address="203.0.113.7")
    here.post(f"{ACCOUNT}sessions/{other.pk}/end/")
    assert (is_in(here), is_in(there)) == (True, False)

    sign_in(browser=there)
    here.post(f"{ACCOUNT}sessions/end/")
    assert (is_in(here), is_in(there)) == (False, False)
    assert StaffSession.objects.filter(user=ana).count() == 0


def test_nobody_ends_the_session_of_another_but_a_superuser() -> None:
    ana, boss = a_member(), a_member("boss", is_superuser=True)
    hers, bosses, bens = sign_in(), sign_in("boss"), sign_in(a_member("ben").username)
    session = StaffSession.objects.get(user=ana)

    assert bens.post(f"{ACCOUNT}sessions/{session.pk}/end/").status_code == 404
    assert bens.post(f"/admin/staff/{ana.pk}/end-sessions-of/").status_code == 403
    assert is_in(hers)
    assert bosses.post(f"/admin/staff/{ana.pk}/end-sessions-of/").status_code == 302
    assert (is_in(hers), is_in(bosses)) == (False, True)
    assert boss.is_superuser


def test_the_own_name_and_e_mail_are_changed_and_the_old_mailbox_is_told(mailoutbox: list[object]) -> None:
    ana = a_member()
    sign_in().post(ACCOUNT, {"first_name": "Ana", "last_name": "Silva", "email": "new@example.com"})

    ana.refresh_from_db()
    assert (ana.get_full_name(), ana.email) == ("Ana Silva", "new@example.com")
    assert [message.to for message in mailoutbox] == [["ana@example.com"]]  # type: ignore[attr-defined]


def test_an_unlocked_screen_does_not_redirect_the_e_mail() -> None:
    ana = a_member()
    browser = sign_in()
    session = browser.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 3600
    session.save()
    answer = browser.post(ACCOUNT, {"first_name": "", "last_name": "", "email": "thief@example.com"})

    assert answer["Location"].startswith("/admin/account/confirm/")
    ana.refresh_from_db()
    assert ana.email == "ana@example.com"
