from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.contrib.auth.models import Permission
from django.test import Client

from customers.models import User
from staff.models import RoleSettings
from tests.support.forms import filled_in, sentences
from tests.support.front_door import (
    ACCOUNT,
    PASSWORD,
    a_member,
    an_app,
    code_of,
    demand_second_factor,
    is_in,
    sign_in,
)

pytestmark = pytest.mark.django_db
CODE, SET_UP, APP = "/admin/login/code/", "/admin/account/second-factor/", "/admin/account/app/"
BEHIND = ["/admin/", "/admin/ecommerce/order/", "/admin/search/?s=x", ACCOUNT, "/admin/password_change/", "/"]


@pytest.fixture
def ana(roles: None) -> User:
    ana = a_member()
    ana.groups.add(demand_second_factor("Support"))
    return ana


def set_up_app(browser: Client) -> Any:
    page = browser.get(APP)
    return browser.post(APP, {"code": code_of(page.context["form"].secret)}, follow=True)


@pytest.mark.parametrize("path", BEHIND)
def test_whose_role_demands_a_factor_gets_nowhere_without(ana: User, path: str) -> None:
    answer = sign_in().get(path, follow=True)
    assert answer.redirect_chain[-1][0].startswith(SET_UP)
    assert "Your role demands a second factor" in sentences(answer)


@pytest.mark.django_db(transaction=True)
def test_a_factor_is_set_up_at_once_and_opens_the_rest(ana: User, mailoutbox: list[Any]) -> None:
    browser = sign_in()
    assert "Recovery codes" in sentences(set_up_app(browser))
    assert is_in(browser)
    assert next(message.to for message in mailoutbox) == ["ana@example.com"]
    assert Authenticator.objects.filter(user=ana).count() == 2


def test_a_posted_act_is_stopped_too(ana: User) -> None:
    ana.is_superuser = True
    ana.save()
    browser = sign_in()
    answer = browser.post("/admin/customers/user/add/", {"email": "new@example.com"})
    assert answer["Location"].startswith(SET_UP)
    assert not User.objects.filter(email="new@example.com").exists()


def test_a_demand_made_later_reaches_sessions_that_are_open(roles: None) -> None:
    ana = a_member()
    browser = sign_in()
    assert is_in(browser)
    ana.groups.add(demand_second_factor("Support"))
    assert not is_in(browser)


def test_a_setting_demands_it_of_superusers(settings: Any) -> None:
    a_member(is_superuser=True)
    browser = sign_in()
    assert is_in(browser)
    settings.SUPERUSERS_NEED_SECOND_FACTOR = True
    assert browser.get("/admin/")["Location"].startswith(SET_UP)


def test_signing_in_asks_for_the_code_and_a_wrong_one_opens_nothing() -> None:
    secret = an_app(a_member())
    browser = sign_in()
    assert browser.last["Location"] == CODE  # type: ignore[attr-defined]
    assert not is_in(browser)
    browser.post(CODE, {"code": "000000"})
    assert not is_in(browser)
    browser.post(CODE, {"code": code_of(secret)})
    assert is_in(browser)


def test_guessing_codes_is_stopped_even_with_the_right_one() -> None:
    secret = an_app(a_member())
    browser = sign_in()
    for _ in range(5):
        browser.post(CODE, {"code": "000000"})
    browser.post(CODE, {"code": code_of(secret)})
    assert not is_in(browser)


def test_a_recovery_code_signs_in_once() -> None:
    ana = a_member()
    an_app(ana)
    code = RecoveryCodes.activate(ana).generate_codes()[0]
    first, second = sign_in(), sign_in()
    first.post(CODE, {"code": code})
    second.post(CODE, {"code": code})
    assert (is_in(first), is_in(second)) == (True, False)


def test_a_session_without_the_factor_proves_it_and_adds_no_other(roles: None) -> None:
    ana = a_member()
    browser = sign_in()
    secret = an_app(ana)  # in another browser

    for path in (ACCOUNT, APP, "/admin/account/passkeys/add/", SET_UP, "/admin/account/codes/"):
        assert browser.get(path)["Location"].startswith("/admin/account/confirm/code/")
    # The password alone changes nothing about it.
    browser.post("/admin/account/confirm/", {"password": PASSWORD})
    assert not is_in(browser)
    browser.post("/admin/account/confirm/code/", {"code": code_of(secret)})
    assert is_in(browser)


@pytest.mark.django_db(transaction=True)
def test_the_last_factor_that_a_role_demands_is_not_switched_off(ana: User) -> None:
    browser = sign_in()
    set_up_app(browser)
    browser.post("/admin/account/app/remove/")
    assert Authenticator.objects.filter(user=ana, type="totp").exists()


@pytest.mark.django_db(transaction=True)
def test_who_removes_the_last_factor_is_led_to_set_up_another(ana: User) -> None:
    browser = sign_in()
    set_up_app(browser)
    Authenticator.objects.filter(user=ana, type="totp").update(type="webauthn", data={"name": "key", "credential": {}})
    key = Authenticator.objects.get(user=ana, type="webauthn")
    browser.post(f"/admin/account/passkeys/{key.pk}/remove/")

    assert not Authenticator.objects.filter(user=ana).exists()
    assert browser.get("/admin/")["Location"].startswith(SET_UP)


def test_a_superuser_removes_the_factor_of_somebody_who_lost_it() -> None:
    ana = a_member()
    an_app(ana)
    a_member("boss", is_superuser=True)
    boss, ben = sign_in("boss"), sign_in(a_member("ben").username)
    path = f"/admin/staff/{ana.pk}/remove-second-factor/"
    assert ben.post(path).status_code == 403
    assert boss.get(path).status_code == 405
    assert Authenticator.objects.filter(user=ana).exists()
    assert boss.post(path).status_code == 302
    assert is_in(sign_in())


@pytest.mark.parametrize("role", ["Support", "Packers"])
def test_the_demand_is_a_tick_on_the_page_of_the_role_built_in_or_not(role: str, roles: None) -> None:
    group = demand_second_factor(role)
    RoleSettings.objects.all().delete()
    group.permissions.add(Permission.objects.get(codename="view_order"))
    before = list(group.permissions.all())
    a_member("boss", is_superuser=True)
    boss = sign_in("boss")
    page = f"/admin/auth/group/{group.pk}/change/"

    form = filled_in(boss.get(page))
    assert "second_factor_required" not in form
    assert boss.post(page, form | {"second_factor_required": "on"}).status_code == 302
    assert RoleSettings.objects.get(role=group).second_factor_required
    form = filled_in(boss.get(page))
    assert form.pop("second_factor_required") == ["on"]
    boss.post(page, form)
    assert not RoleSettings.objects.get(role=group).second_factor_required
    assert list(group.permissions.all()) == before


def test_the_name_and_permissions_of_a_built_in_role_stay(roles: None) -> None:
    group = demand_second_factor("Support")
    before = set(group.permissions.all())
    a_member("boss", is_superuser=True)
    page = f"/admin/auth/group/{group.pk}/change/"
    boss = sign_in("boss")
    boss.post(page, filled_in(boss.get(page)) | {"name": "Gods", "permissions": []})
    group.refresh_from_db()
    assert (group.name, set(group.permissions.all())) == ("Support", before)
