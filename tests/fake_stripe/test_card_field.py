import http.server
import json
import os
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe
from playwright.sync_api import Browser, FrameLocator, Page, expect, sync_playwright

from tests.fake_stripe.calls import CARD_ONLY, pay
from tests.support.fake_stripe_process import PUBLISHABLE_KEY, FakeStripe

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
SHOP = """<!doctype html><meta name="viewport" content="width=device-width"><body>
<form id="pay"><label for="card">Card</label><div id="card"></div><p id="error"></p><button>Pay</button></form>
<script src="{url}/_sandbox/stripe.js"></script>
<script>
  const client = Stripe("{key}");
  const elements = client.elements();
  const card = elements.create("card", {{style: {{base: {{color: "rgb(1, 2, 3)", fontSize: "18px"}}}}}});
  window.changes = [];
  card.on("ready", () => document.body.dataset.ready = "yes");
  card.on("change", (event) => {{
    changes.push(event);
    document.getElementById("error").textContent = event.error ? event.error.message : "";
  }});
  card.mount("#card");
  window.submits = 0;
  document.getElementById("pay").addEventListener("submit", (event) => {{ event.preventDefault(); submits++; }});
</script>"""

pytestmark = pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="there is no Chromium here")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def shop(started: FakeStripe) -> Iterator[str]:
    """A shop on an origin of its own: what it can't read, no page of ours could."""
    html = SHOP.format(url=started.url, key=PUBLISHABLE_KEY).encode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            policy = f"default-src 'none'; script-src 'unsafe-inline' {started.url}; frame-src {started.url}"
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(html)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    """The one tab of all these tests: another context would take Chromium a second each."""
    return browser.new_context().new_page()


@pytest.fixture
def page(tab: Page, shop: str) -> Page:
    tab.context.clear_cookies()
    tab.set_viewport_size({"width": 1280, "height": 800})
    tab.goto(shop)
    expect(tab.locator("body[data-ready=yes]")).to_be_visible()
    return tab


def field(page: Page) -> FrameLocator:
    return page.frame_locator('iframe[name^="__privateStripeFrame"]')


def fill(page: Page, number: str, *, expiry: str = "1234", cvc: str = "123") -> None:
    field(page).locator("[name=cardnumber]").press_sequentially(number)
    field(page).locator("[name=exp-date]").press_sequentially(expiry)
    field(page).locator("[name=cvc]").press_sequentially(cvc)


def method_of(page: Page) -> dict[str, Any]:
    result: dict[str, Any] = page.evaluate("client.createPaymentMethod({type: 'card', card})")
    return result


def until(page: Page, truth: str) -> None:
    """Wait for something true; Playwright's own waiting is forbidden by the shop's content policy."""
    for _ in range(100):
        if page.evaluate(truth):
            return
        page.wait_for_timeout(50)
    raise AssertionError(truth)


def last_change(page: Page) -> dict[str, Any]:
    change: dict[str, Any] = page.evaluate("changes.at(-1)")
    return change


def test_a_typed_card_becomes_a_payment_method_that_can_be_charged(page: Page, client: stripe.StripeClient) -> None:
    fill(page, "4242424242424242")
    expect(page.locator("#card")).to_have_class("StripeElement StripeElement--focus StripeElement--complete")
    method = method_of(page)["paymentMethod"]
    assert method["card"]["last4"] == "4242"
    paid = pay(client, method["id"])
    assert paid.status == "succeeded"


def test_typing_the_number_leads_on_to_expiry_and_code(page: Page) -> None:
    field(page).locator("[name=cardnumber]").focus()
    page.keyboard.type("4242424242424242" + "1234" + "123", delay=5)
    assert [field(page).locator(f"[name={name}]").input_value() for name in ("cardnumber", "exp-date", "cvc")] == [
        "4242 4242 4242 4242",
        "12 / 34",
        "123",
    ]
    assert last_change(page)["complete"] is True


def test_an_american_express_card_is_grouped_its_own_way_and_wants_four_digits(page: Page) -> None:
    fill(page, "378282246310005", cvc="123")
    assert field(page).locator("[name=cardnumber]").input_value() == "3782 822463 10005"
    assert last_change(page)["brand"] == "amex"
    assert last_change(page)["complete"] is False
    field(page).locator("[name=cvc]").press_sequentially("4")
    assert method_of(page)["paymentMethod"]["card"]["brand"] == "amex"


@pytest.mark.parametrize(
    ("number", "expiry", "cvc", "code"),
    [
        ("4242424242424241", "1234", "123", "invalid_number"),
        ("424242424242", "1234", "123", "incomplete_number"),
        ("4242424242424242", "1220", "123", "invalid_expiry_year_past"),
        ("4242424242424242", "12", "123", "incomplete_expiry"),
        ("4242424242424242", "1334", "123", "invalid_expiry_month"),
        ("4242424242424242", "1234", "12", "incomplete_cvc"),
    ],
)
def test_a_wrong_card_is_refused_in_words(page: Page, number: str, expiry: str, cvc: str, code: str) -> None:
    fill(page, number, expiry=expiry, cvc=cvc)
    error = method_of(page)["error"]
    assert (error["type"], error["code"]) == ("validation_error", code)
    expect(page.locator("#error")).to_have_text(error["message"])
    expect(page.locator("#card")).to_contain_class("StripeElement--invalid")


def test_last_month_is_past(page: Page) -> None:
    today = datetime.now(UTC)
    if today.month == 1:
        pytest.skip("there is no past month this year")
    fill(page, "4242424242424242", expiry=f"{today.month - 1:02}{today.year % 100}")
    assert method_of(page)["error"]["code"] == "invalid_expiry_month_past"


def test_nothing_typed_is_incomplete(page: Page) -> None:
    assert method_of(page)["error"]["code"] == "incomplete_number"


def test_the_bank_s_answer_comes_back_as_stripe_s_error(page: Page) -> None:
    fill(page, "4111111111111111")
    error = method_of(page)["error"]
    assert (error["type"], error["decline_code"]) == ("card_error", "test_mode_live_card")


def test_the_page_around_cannot_read_the_number(page: Page) -> None:
    fill(page, "4242424242424242")
    assert page.evaluate(
        "(() => { try { return frames[0].document.body.innerHTML } catch (e) { return e.name } })()"
    ) == ("SecurityError")
    assert "4242" not in json.dumps(page.evaluate("changes"))


def test_style_options_reach_the_field(page: Page) -> None:
    style = "getComputedStyle(document.querySelector('[name=cardnumber]'))"
    number = field(page).locator("[name=cardnumber]")
    assert number.evaluate(f"() => [{style}.color, {style}.fontSize]") == ["rgb(1, 2, 3)", "18px"]
    page.evaluate("card.update({style: {base: {color: 'rgb(250, 250, 250)'}}, disabled: true})")
    expect(number).to_be_disabled()
    assert number.evaluate(f"() => {style}.color") == "rgb(250, 250, 250)"


def test_enter_submits_the_form_around(page: Page) -> None:
    fill(page, "4242424242424242")
    page.keyboard.press("Enter")
    until(page, "submits === 1")


def test_the_label_leads_into_the_field_and_clear_empties_it(page: Page) -> None:
    page.get_by_text("Card", exact=True).click()
    expect(field(page).locator("[name=cardnumber]")).to_be_focused()
    fill(page, "4242")
    page.evaluate("card.clear()")
    expect(field(page).locator("[name=cardnumber]")).to_have_value("")
    assert last_change(page)["empty"] is True


def test_on_a_phone_the_number_has_a_row_of_its_own_and_nothing_is_cut(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    box = page.locator("#card iframe").bounding_box()
    number = field(page).locator("[name=cardnumber]").bounding_box()
    cvc = field(page).locator("[name=cvc]").bounding_box()
    assert box
    assert number
    assert cvc
    assert cvc["y"] > number["y"]
    until(
        page,
        "document.querySelector('#card iframe').getBoundingClientRect().height >= "
        f"{cvc['y'] + cvc['height'] - number['y']}",
    )


def test_a_token_can_be_made_and_used_once(page: Page, client: stripe.StripeClient) -> None:
    fill(page, "5555555555554444")
    token = page.evaluate("client.createToken(card)")["token"]
    asked: Any = {"type": "card", "card": {"token": token["id"]}}
    made = client.v1.payment_methods.create(asked)
    assert made.card is not None
    assert made.card.brand == "mastercard"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_methods.create(asked)
    assert refusal.value.code == "token_already_used"


def intent_for(client: stripe.StripeClient, **given: Any) -> stripe.PaymentIntent:
    asked: Any = {"amount": 4500, "currency": "eur", "allowed_payment_method_types": CARD_ONLY, **given}
    return client.v1.payment_intents.create(asked)


def confirm(page: Page, secret: str | None) -> None:
    page.evaluate(
        "secret => { client.confirmCardPayment(secret, {payment_method: {card}}).then(r => window.result = r) }", secret
    )


def result(page: Page) -> dict[str, Any]:
    until(page, "window.result")
    given: dict[str, Any] = page.evaluate("window.result")
    return given


@pytest.mark.parametrize("number", ["4000002760003184", "4000000000003220"])
def test_the_customer_authenticates_and_the_payment_succeeds(
    page: Page, client: stripe.StripeClient, number: str
) -> None:
    intent = intent_for(client)
    fill(page, number)
    confirm(page, intent.client_secret)
    bank = page.frame_locator("iframe[name=stripe-challenge-frame]")
    expect(bank.locator("dl")).to_contain_text("€45.00")
    bank.locator("#test-source-authorize-3ds").click()
    assert result(page)["paymentIntent"]["status"] == "succeeded"
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_failed_authentication_is_an_error_and_another_card_may_follow(
    page: Page, client: stripe.StripeClient
) -> None:
    intent = intent_for(client)
    fill(page, "4000002760003184")
    confirm(page, intent.client_secret)
    page.frame_locator("iframe[name=stripe-challenge-frame]").locator("#test-source-fail-3ds").click()
    assert result(page)["error"]["code"] == "payment_intent_authentication_failure"
    again = page.evaluate(
        "secret => client.confirmCardPayment(secret, {payment_method: 'pm_card_visa'})", intent.client_secret
    )
    assert again["paymentIntent"]["status"] == "succeeded"


def test_the_server_s_intent_is_authenticated_by_handle_next_action(page: Page, client: stripe.StripeClient) -> None:
    asked: Any = {"payment_method": "pm_card_authenticationRequired", "confirm": True}
    intent = intent_for(client, **asked)
    assert intent.status == "requires_action"
    page.evaluate(
        "secret => { client.handleNextAction({clientSecret: secret}).then(r => window.result = r) }",
        intent.client_secret,
    )
    complete = page.frame_locator("iframe[name=stripe-challenge-frame]").get_by_role("button", name="Complete")
    expect(complete).to_be_focused()
    page.keyboard.press("Enter")
    assert result(page)["paymentIntent"]["status"] == "succeeded"


def test_a_decline_comes_back_to_the_page(page: Page, client: stripe.StripeClient) -> None:
    intent = intent_for(client)
    fill(page, "4000000000009995")
    confirm(page, intent.client_secret)
    assert result(page)["error"]["decline_code"] == "insufficient_funds"


def test_a_card_is_saved_by_confirm_card_setup(page: Page, client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"email": "ada@example.com"})
    asked: Any = {"customer": customer.id, "allowed_payment_method_types": CARD_ONLY}
    intent = client.v1.setup_intents.create(asked)
    fill(page, "4000002500003155")
    page.evaluate(
        "secret => { client.confirmCardSetup(secret, {payment_method: {card}}).then(r => window.result = r) }",
        intent.client_secret,
    )
    page.frame_locator("iframe[name=stripe-challenge-frame]").locator("#test-source-authorize-3ds").click()
    assert result(page)["setupIntent"]["status"] == "succeeded"
    assert len(client.v1.customers.payment_methods.list(customer.id).data) == 1


def test_a_redirected_customer_comes_back_with_the_outcome(page: Page, shop: str, client: stripe.StripeClient) -> None:
    asked: Any = {"payment_method": "pm_card_authenticationRequired", "confirm": True, "return_url": f"{shop}back"}
    intent = intent_for(client, **asked)
    assert intent.next_action is not None
    assert intent.next_action.redirect_to_url is not None
    page.goto(str(intent.next_action.redirect_to_url.url))
    page.get_by_role("button", name="Complete").click()
    page.wait_for_url(f"{shop}back?*redirect_status=succeeded*")
    assert f"payment_intent={intent.id}" in page.url


def test_the_payment_element_is_dressed_for_the_dark_and_submits(page: Page) -> None:
    page.evaluate(
        """() => {
            card.destroy();
            window.many = client.elements({allowedPaymentMethodTypes: ['card'], appearance: {theme: 'night'}});
            window.card = many.create('payment');
            window.card.mount('#card');
        }"""
    )
    fill(page, "4242424242424242", expiry="12")
    assert page.evaluate("many.submit()")["error"]["code"] == "incomplete_expiry"
    field(page).locator("[name=exp-date]").press_sequentially("34")
    made = page.evaluate("client.createPaymentMethod({elements: many})")
    assert made["paymentMethod"]["card"]["last4"] == "4242"


def test_what_stripe_no_longer_takes_throws(page: Page) -> None:
    for wrong in ("client.elements({paymentMethodTypes: ['card']})", "Stripe('sk_test_sandbox')"):
        assert page.evaluate(f"(() => {{ try {{ {wrong} }} catch (e) {{ return e.name }} }})()") == "IntegrationError"
