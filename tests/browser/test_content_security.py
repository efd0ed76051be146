"""Pages of each kind, in a browser that tells of all that their policy refused: `visit` fails on it."""

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from customers.models import User
from tests.browser.conftest import PATIENCE, POLICY, Visit
from tests.support.factories import make_coupon
from tests.support.order_acts import fulfilled, paid
from tests.support.rows import an_event

pytestmark = pytest.mark.django_db(transaction=True)

SHOP = ("", "basket/", "checkout/", "sign-in/", "orders/", "account/", "password/", "confirm/", "nothing/")
INJECT = """() => {
  const script = document.createElement("script");
  script.textContent = "window.injected = 1";
  document.body.append(script);
  const button = document.createElement("button");
  button.setAttribute("onclick", "window.injected = 1");
  document.body.append(button);
  button.click();
}"""


@pytest.fixture
def ana() -> User:
    return User.objects.create(username="ana", first_name="Ana", is_staff=True, is_superuser=True)


def links(page: Page, selector: str) -> list[str]:
    found: list[str] = page.locator(selector).evaluate_all("all => all.map(each => each.getAttribute('href'))")
    return list(dict.fromkeys(found))


def walk(page: Page, origin: str, paths: list[str]) -> None:
    for path in paths:
        page.goto(f"{origin}{path}", wait_until="load")
        assert page.evaluate("document.readyState") == "complete"


# Pages of each kind are held to it in test_accessibility.py as well, whose `visit` fails on it, too.
@pytest.mark.full
def test_no_page_of_the_admin_needs_what_its_policy_refuses(visit: Visit, ana: User, live_server: LiveServer) -> None:
    order, _other = paid(), fulfilled()
    make_coupon()
    an_event()
    page = visit("/admin/", ana)
    lists = links(page, "#nav-sidebar a[href^='/admin/']")
    assert len(lists) > 10
    rows, adds = [], []
    for path in lists:
        page.goto(f"{live_server.url}{path}")
        rows += links(page, "#result_list th a, #result_list td a[href*='/change/']")[:1]
        adds += links(page, "a[href$='/add/'], a[href$='/import/']")
    assert len(rows) > 5
    assert len(adds) > 5
    acts = [f"/admin/ecommerce/order/{order.pk}/{act}/" for act in ("fulfill", "cancel", "refund")]
    walk(page, live_server.url, [*rows, *dict.fromkeys(adds), *acts, "/admin/nothing/", "/admin/password_change/"])


@pytest.mark.full
def test_no_page_of_the_shop_needs_what_its_policy_refuses(visit: Visit, live_server: LiveServer) -> None:
    page = visit("/admin/login/")
    walk(page, live_server.url, ["/nothing/", *(f"/shop/{each}" for each in SHOP)])


def test_the_documents_of_the_api_need_nothing_that_their_policy_refuses(visit: Visit) -> None:
    path = visit("/api/docs").get_by_text("/api/v1/sdk/ecommerce/order", exact=True).first
    expect(path).to_be_visible(timeout=4 * PATIENCE)
    path.click()


def test_a_script_that_stands_in_a_page_is_refused(browser: Browser, live_server: LiveServer) -> None:
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    for path in ("/admin/login/", "/shop/", "/api/docs", "/nothing/"):
        page.goto(f"{live_server.url}{path}")
        page.evaluate(INJECT)
        assert page.evaluate("window.injected") is None
        assert sum(POLICY in text for text in said) == 2, path
        said.clear()
    page.close()
