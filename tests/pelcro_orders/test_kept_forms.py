"""A form whose session had ended comes back filled in, to the person who typed it, and is not sent by itself."""

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from customers.models import User
from ecommerce.models import Order, Product
from tests.support.admin import order_row
from tests.support.factories import make_customer

pytestmark = pytest.mark.django_db
ADD = "/admin/ecommerce/product/add/"
TYPED = {
    "name": "Lamp",
    "description": "Warm",
    "skus-TOTAL_FORMS": "1",
    "skus-INITIAL_FORMS": "0",
    "skus-0-code": "LAMP-1",
    "skus-0-price": "12.00",
    "_save": "Save",
}


def person(name: str) -> User:
    return User.objects.create(username=name, is_staff=True, is_superuser=True)


@pytest.fixture
def ana() -> User:
    return person("ana")


def opened(user: User, address: str = ADD) -> Client:
    """A browser in which somebody opened a form, and whose session then ended."""
    browser = Client()
    browser.force_login(user)
    browser.get(address)
    Session.objects.all().delete()
    return browser


def sign_in(browser: Client, user: User) -> None:
    """As the sign-in page does: the session goes on under another key."""
    kept = dict(browser.session)
    browser.force_login(user)
    session = browser.session
    session.update({name: value for name, value in kept.items() if not name.startswith("_auth")})
    session.save()


def test_a_form_comes_back_filled_in_and_is_not_saved(ana: User) -> None:
    browser = opened(ana)
    assert browser.post(ADD, TYPED).status_code == 302
    sign_in(browser, ana)
    page = browser.get(ADD).content.decode()
    assert 'value="Lamp"' in page
    assert 'value="LAMP-1"' in page
    assert "You had been signed out" in page
    assert not Product.objects.exists()
    assert 'value="Lamp"' not in browser.get(ADD).content.decode()  # once


def test_it_is_shown_to_nobody_else(ana: User) -> None:
    browser = opened(ana)
    browser.post(ADD, TYPED)
    sign_in(browser, person("ben"))
    assert "Lamp" not in browser.get(ADD).content.decode()
    sign_in(browser, ana)
    assert "Lamp" not in browser.get(ADD).content.decode()


def test_nothing_is_kept_of_a_browser_in_which_nobody_had_signed_in() -> None:
    browser = Client()
    browser.post(ADD, TYPED)
    assert not Session.objects.exists()


def test_passwords_tokens_and_card_numbers_are_not_kept(ana: User) -> None:
    browser = opened(ana, "/admin/ecommerce/order/add/")
    secret = {
        "password1": "hunter22",
        "token": "pm_secret",
        "note": "4242 4242 4242 4242",
        "coupon_code": "SAVE",
    }
    browser.post("/admin/ecommerce/order/add/", secret)
    kept = browser.session["kept_form"]["typed"]
    assert kept == "coupon_code=SAVE"


def test_a_new_order_comes_back(ana: User) -> None:
    ada = make_customer()
    browser = opened(ana, "/admin/ecommerce/order/add/")
    browser.post("/admin/ecommerce/order/add/", {"customer_id": str(ada.pk), "coupon_code": "SAVE", "_submit": "1"})
    sign_in(browser, ana)
    form = browser.get("/admin/ecommerce/order/add/").context["order_form"]
    assert (form.customer, form.extras.cleaned_data["coupon_code"]) == (ada, "SAVE")
    assert not Order.objects.exists()


def test_an_act_comes_back_as_a_question(ana: User) -> None:
    order = order_row("paid")
    address = f"/admin/ecommerce/order/{order.pk}/fulfill/"
    browser = opened(ana, address)
    browser.post(address, {"carrier": "DHL", "confirmed": ""})
    sign_in(browser, ana)
    assert 'value="DHL"' in browser.get(address).content.decode()
    order = Order.objects.get(pk=order.pk)
    assert order.status == "paid"


def test_a_form_of_an_older_sign_in_is_kept_and_says_so(ana: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana)
    browser.get(ADD)
    refused = browser.post(ADD, TYPED, HTTP_ORIGIN="http://testserver")
    assert refused.status_code == 403
    assert "What you typed was kept" in refused.content.decode()
    assert 'value="Lamp"' in browser.get(ADD).content.decode()


def test_what_another_site_sends_is_not_kept(ana: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana)
    browser.get(ADD)
    refused = browser.post(ADD, TYPED, HTTP_ORIGIN="https://evil.example.com")
    assert refused.status_code == 403
    assert "nothing of what was sent was kept" in refused.content.decode()
    assert 'value="Lamp"' not in browser.get(ADD).content.decode()
