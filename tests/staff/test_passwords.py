"""Setting a password: one's own, by mail, by invitation."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from customers.models import User
from staff.invitations import invite
from staff.models import Invitation
from tests.support.forms import filled_in, sentences
from tests.support.front_door import PASSWORD, a_member, is_in, sign_in

pytestmark = pytest.mark.django_db
FRESH = "another long password"
CHANGE, RESET, ADD = "/admin/password_change/", "/admin/password/reset/", "/admin/customers/user/add/"


def link_in(message: Any) -> str:
    found = re.search(r"https?://[^/]+(/admin/(?:password|invitation)/\S+)", message.body)
    assert found, message.body
    return found[1]


def change(browser: Client, old: str) -> Any:
    return browser.post(CHANGE, {"oldpassword": old, "password1": FRESH, "password2": FRESH})


def test_a_password_is_changed_with_the_old_one_and_ends_other_sessions(mailoutbox: list[Any]) -> None:
    ana = a_member()
    browser, other = sign_in(), sign_in()
    assert "not your current password" in sentences(change(browser, "a guess"))
    assert change(browser, PASSWORD).status_code == 302

    ana.refresh_from_db()
    assert ana.check_password(FRESH)
    assert (is_in(browser), is_in(other)) == (True, False)
    assert [message.to for message in mailoutbox] == [["ana@example.com"]]


def test_guessing_the_old_password_is_stopped(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"change_password": ""}
    ana = a_member()
    browser = sign_in()
    for _ in range(10):
        change(browser, "a guess")

    assert "Too many failed" in sentences(change(browser, PASSWORD))
    ana.refresh_from_db()
    assert ana.check_password(PASSWORD)


def test_a_forgotten_password_is_set_by_a_link_once(mailoutbox: list[Any]) -> None:
    a_member()
    old = sign_in()
    browser = Client()
    browser.post(RESET, {"email": "ANA@example.com"})
    (message,) = mailoutbox
    assert message.to == ["ana@example.com"]

    page = browser.get(link_in(message), follow=True)
    done = browser.post(page.redirect_chain[-1][0], {"password1": FRESH, "password2": FRESH}, follow=True)
    assert "Your new password is set" in sentences(done)
    assert (is_in(old), is_in(sign_in(password=PASSWORD)), is_in(sign_in(password=FRESH))) == (False, False, True)
    assert "was used already" in sentences(Client().get(link_in(message), follow=True))


def test_asking_for_a_link_answers_the_same_and_sends_nothing_to_others(customer: Any, mailoutbox: list[Any]) -> None:
    a_member()
    a_member("gone", is_active=False)
    answers = {
        sentences(Client().post(RESET, {"email": email}, follow=True))
        for email in ("ana@example.com", "gone@example.com", customer.email, "nobody@example.com")
    }
    assert len(answers) == 1
    assert [message.to for message in mailoutbox] == [["ana@example.com"]]


def test_who_was_locked_out_gets_in_by_the_link(mailoutbox: list[Any]) -> None:
    a_member()
    browser = Client(REMOTE_ADDR="203.0.113.7")
    for _ in range(6):
        sign_in(password="a guess", browser=browser)
    browser.post(RESET, {"email": "ana@example.com"})
    page = browser.get(link_in(mailoutbox[0]), follow=True)
    browser.post(page.redirect_chain[-1][0], {"password1": FRESH, "password2": FRESH})

    assert is_in(sign_in(password=FRESH, browser=browser))


@pytest.fixture
def boss(db: None) -> Client:
    a_member("boss", is_superuser=True)
    return sign_in("boss")


def send_invitation(boss: Client, **fields: Any) -> Any:
    form = filled_in(boss.get(ADD)) | {"email": "new@example.com", "first_name": "Nia", "last_name": ""} | fields
    return boss.post(ADD, form)


def test_an_invited_person_sets_a_password_of_their_own_once(boss: Client, roles: None, mailoutbox: list[Any]) -> None:
    page = boss.get(ADD)
    assert b'type="password"' not in page.content
    send_invitation(boss)
    nia = User.objects.get(email="new@example.com")
    assert (nia.is_staff, nia.is_superuser, nia.has_usable_password()) == (True, False, False)
    assert "Nia" in sentences(Client().get(link_in(mailoutbox[0])))

    link = link_in(mailoutbox[0])
    assert "too short" in sentences(Client().post(link, {"password": "123"}))
    assert Client().post(link, {"password": FRESH}).status_code == 302
    assert Client().get(link).status_code == 410
    assert Client().post(link, {"password": "a thief's password"}).status_code == 410
    assert is_in(sign_in("new@example.com", FRESH))


def test_a_new_invitation_ends_the_one_before_and_each_ends_by_itself(boss: Client, mailoutbox: list[Any]) -> None:
    send_invitation(boss)
    nia = User.objects.get(email="new@example.com")
    assert boss.post(f"/admin/staff/{nia.pk}/invite/").status_code == 302
    first, second = map(link_in, mailoutbox)
    assert (Client().get(first).status_code, Client().get(second).status_code) == (410, 200)

    Invitation.objects.update(expires_at=F("expires_at") - timedelta(days=7, seconds=1))
    assert Client().post(second, {"password": FRESH}).status_code == 410
    nia.refresh_from_db()
    assert not nia.has_usable_password()


def test_the_token_of_an_invitation_is_kept_nowhere(mailoutbox: list[Any]) -> None:
    invite(user=a_member(), by=None)
    token = link_in(mailoutbox[0]).rstrip("/").rpartition("/")[2]
    assert token not in str(Invitation.objects.values_list().get())


def test_nobody_sees_a_hash_or_types_the_password_of_another(boss: Client) -> None:
    ana = a_member()
    page = boss.get(f"/admin/customers/user/{ana.pk}/change/")

    assert page.status_code == 200
    assert ana.password not in page.content.decode()
    assert "hash" not in sentences(page).lower()
    assert b'type="password"' not in page.content
    answer = boss.post(f"/admin/customers/user/{ana.pk}/password/", {"password1": FRESH, "password2": FRESH})
    assert answer.status_code in {302, 404}
    ana.refresh_from_db()
    assert ana.check_password(PASSWORD)


def test_only_superusers_invite() -> None:
    nia = a_member("nia")
    invite(user=nia, by=None)
    assert sign_in(a_member().username).post(f"/admin/staff/{nia.pk}/invite/").status_code == 403
