"""OpenID Connect against a provider over HTTP."""

import http.client
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from customers.models import User
from pelcro_orders.single_sign_on import providers
from tests.support.forms import sentences
from tests.support.front_door import LOGIN, a_member, an_app, demand_second_factor, is_in
from tests.support.openid_provider import CLIENT, SECRET, OpenIdProvider

pytestmark = pytest.mark.django_db
START = "/admin/oidc/sso/login/?process=login"


@pytest.fixture(scope="module")
def started() -> Iterator[OpenIdProvider]:
    with OpenIdProvider() as provider:
        yield provider


@pytest.fixture
def provider(started: OpenIdProvider, settings: Any) -> OpenIdProvider:
    settings.OIDC_ISSUER, settings.OIDC_NAME = started.issuer, "Acme"
    settings.SOCIALACCOUNT_PROVIDERS = providers(started.issuer, "Acme", CLIENT, SECRET)
    started.account = {"sub": "42", "email": "ana@example.com", "email_verified": True}
    started.denies = False
    return started


def follow(location: str) -> str:
    """Go to the provider as a browser would, and return where it leads back to."""
    url = urlsplit(location)
    connection = http.client.HTTPConnection(url.netloc, timeout=5)
    connection.request("GET", f"{url.path}?{url.query}")
    back = urlsplit(connection.getresponse().headers["Location"])
    connection.close()
    return f"{back.path}?{back.query}"


def sign_in(browser: Client, start: str = START) -> Any:
    return browser.get(follow(browser.post(start)["Location"]), follow=True)


def test_the_button_is_there_when_it_is_set_up_alone(provider: OpenIdProvider, settings: Any) -> None:
    assert "Sign in with Acme" in sentences(Client().get(LOGIN))
    settings.OIDC_ISSUER, settings.SOCIALACCOUNT_PROVIDERS = "", {}
    assert "Sign in with Acme" not in sentences(Client().get(LOGIN))
    assert Client().post(START).status_code == 404


def test_staff_are_found_by_their_verified_e_mail(provider: OpenIdProvider) -> None:
    a_member()
    provider.account["email"] = "ANA@example.com"
    browser = Client()
    sign_in(browser)
    assert is_in(browser)
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("verified", [False, None, "true", "false", 1])
def test_an_e_mail_that_is_not_verified_opens_nothing(provider: OpenIdProvider, verified: Any) -> None:
    a_member()
    provider.account["email_verified"] = verified
    browser = Client()
    assert "verified e-mail" in sentences(sign_in(browser))
    assert not is_in(browser)


@pytest.mark.parametrize("fields", [{"is_staff": False}, {"is_active": False}, {"email": "other@example.com"}])
def test_nobody_else_gets_in_and_no_user_or_right_comes_into_being(
    provider: OpenIdProvider, fields: dict[str, Any]
) -> None:
    a_member(**fields)
    before = list(User.objects.values())
    browser = Client()
    assert "Ask to be invited" in sentences(sign_in(browser))
    assert not is_in(browser)
    assert list(User.objects.values()) == before


def test_an_account_that_signed_in_once_is_looked_up_by_e_mail_again(provider: OpenIdProvider) -> None:
    ana = a_member()
    sign_in(Client())
    User.objects.filter(pk=ana.pk).update(email="moved@example.com", email_key="moved@example.com")
    browser = Client()
    sign_in(browser)
    assert not is_in(browser)


def test_nothing_is_connected_to_whoever_is_signed_in(provider: OpenIdProvider) -> None:
    browser = Client()
    browser.force_login(a_member("ben"))
    sign_in(browser, START.replace("process=login", "process=connect"))
    assert not SocialAccount.objects.exists()


def test_the_second_factor_is_asked_for_as_well(provider: OpenIdProvider, roles: None) -> None:
    ana = a_member()
    ana.groups.add(demand_second_factor("Support"))
    browser = Client()
    assert "Your role demands a second factor" in sentences(sign_in(browser))
    an_app(ana)
    other = Client()
    assert "code of your authenticator app" in sentences(sign_in(other))
    assert not is_in(other)


def test_a_refusal_or_a_forged_answer_leads_back_to_the_login(provider: OpenIdProvider) -> None:
    a_member()
    provider.denies = True
    browser = Client()
    assert "did not work" in sentences(sign_in(browser))
    assert "did not work" in sentences(Client().get("/admin/oidc/sso/login/callback/?code=x&state=forged", follow=True))


@pytest.mark.parametrize(
    ("issuer", "secret", "sentence"),
    [("https://id.example.com", "", "OIDC_CLIENT_SECRET"), ("http://id.example.com", "x", "https://")],
)
def test_a_half_setting_is_refused_in_words(issuer: str, secret: str, sentence: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=sentence):
        providers(issuer, "Acme", "x", secret)
