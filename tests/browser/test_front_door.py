"""The front door in a browser: by keyboard, and by a passkey that the browser keeps."""

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect

from staff.models import RoleSettings
from tests.browser.conftest import Visit
from tests.support.front_door import ACCOUNT, LOGIN, PASSWORD, a_member, demand_second_factor

pytestmark = pytest.mark.django_db(transaction=True)
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def with_authenticator(page: Page) -> Page:
    """Open this page in another tab, with an authenticator that goes when that is closed."""
    own = page.context.new_page()
    devtools = own.context.new_cdp_session(own)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    own.goto(page.url)
    return own


def type_password(page: Page) -> None:
    page.get_by_label("User name or e-mail").focus()
    page.keyboard.type("ana")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")


def test_a_demanded_passkey_is_set_up_and_signs_in_by_itself(visit: Visit) -> None:
    ana = a_member()
    ana.groups.add(demand_second_factor("Packers"))
    page = with_authenticator(visit(LOGIN))
    type_password(page)
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Recovery codes", level=2)).to_be_visible()
    assert Authenticator.objects.get(user=ana, type="webauthn").wrap().is_passwordless

    page.goto(page.url.split("/admin/")[0] + ACCOUNT)
    page.get_by_role("button", name="Sign out everywhere").click()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_title("Dashboard | Pelcro Orders")


def test_a_passkey_is_the_second_factor_after_the_password(visit: Visit) -> None:
    a_member()
    page = with_authenticator(visit(LOGIN))
    type_password(page)
    expect(page).to_have_title("Dashboard | Pelcro Orders")
    page.goto(page.url.split("/admin/")[0] + "/admin/account/passkeys/add/")
    page.get_by_role("checkbox", name="Sign in with this key alone").uncheck()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("heading", name="Recovery codes", level=2)).to_be_visible()
    page.goto(page.url.split("/admin/")[0] + ACCOUNT)
    page.get_by_role("button", name="Sign out everywhere").click()
    expect(page).to_have_title("Sign in | Pelcro Orders")
    type_password(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_title("Dashboard | Pelcro Orders")


@pytest.mark.parametrize("phone", [pytest.param(False, marks=pytest.mark.full), True])
def test_each_field_has_a_label_and_nothing_overflows(visit: Visit, phone: bool) -> None:  # noqa: FBT001
    ana = a_member(is_superuser=True)
    assert not RoleSettings.objects.exists()
    for user, paths in (
        (None, [LOGIN, "/admin/password/reset/"]),
        (
            ana,
            [ACCOUNT, "/admin/password_change/", "/admin/account/confirm/", f"/admin/customers/user/{ana.pk}/change/"],
        ),
    ):
        page = visit(paths[0], user, phone=phone, color_scheme="dark" if phone else "light")
        origin = page.url.removesuffix(paths[0])
        for path in paths:
            page.goto(origin + path)
            unnamed = page.evaluate(
                "[...document.querySelectorAll('main input, .s-page input')]"
                ".filter(i => i.type !== 'hidden' && !i.hidden && !i.labels?.length && !i.ariaLabel)"
                ".map(i => i.outerHTML)"
            )
            assert unnamed == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
