import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pytest
import stripe

from devserver.programs import OPENER
from tests.fake_stripe.calls import error_object, pay
from tests.support.fake_stripe_process import PUBLISHABLE_KEY, SECRET_KEY, FakeStripe

BASE = {"amount": "1000", "currency": "usd"}


def ask(
    fake: FakeStripe, path: str, params: dict[str, str] | None = None, *, method: str = "POST", **headers: str
) -> tuple[int, dict[str, Any], Any]:
    """Ask by hand: the client would not send what is wrong."""
    data = urllib.parse.urlencode(params or {}).encode() if method == "POST" else None
    sent = {"Authorization": f"Bearer {SECRET_KEY}", "Stripe-Version": "2026-10-28.endive"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(f"{fake.url}/v1/{path}", data, sent, method=method)
    try:
        answer = OPENER.open(request, timeout=10)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, json.loads(answer.read()), answer.headers


@pytest.mark.parametrize(
    ("wrong", "code", "param", "message"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour", "Received unknown parameter: colour"),
        (
            {"payment_method_data[type]": "card", "payment_method_data[shipping]": "x"},
            "parameter_unknown",
            "payment_method_data[shipping]",
            "Received unknown parameter: payment_method_data[shipping]",
        ),
        ({"amount": "ten"}, "parameter_invalid_integer", "amount", "Invalid integer: ten"),
        ({"amount": "10.5"}, "parameter_invalid_integer", "amount", "Invalid integer: 10.5"),
        (
            {"amount": "0"},
            "parameter_invalid_integer",
            "amount",
            "This value must be greater than or equal to 1.",
        ),
        ({"confirm": "yes"}, None, "confirm", "Invalid boolean: yes"),
        (
            {"confirmation_method": "often"},
            None,
            "confirmation_method",
            "Invalid confirmation_method: must be one of automatic, or manual",
        ),
        ({"metadata": "x"}, "parameter_invalid_object", "metadata", "Invalid object"),
        ({"metadata[k]": "v" * 501}, None, "metadata[k]", None),
        ({"metadata[" + "k" * 41 + "]": "v"}, None, "metadata[" + "k" * 41 + "]", None),
        ({f"metadata[{n}]": "v" for n in range(51)}, None, "metadata", "Metadata can have at most 50 keys."),
        ({"allowed_payment_method_types": "card"}, "parameter_invalid_array", "allowed_payment_method_types", None),
        ({"customer": ""}, "parameter_invalid_empty", "customer", None),
        ({"receipt_email": "nobody"}, "email_invalid", "receipt_email", "Invalid email address: nobody"),
        ({"off_session": "true"}, None, "off_session", None),
        ({"statement_descriptor_suffix": "<b>"}, None, "statement_descriptor_suffix", None),
        ({"statement_descriptor": "SHOP"}, None, "statement_descriptor", None),
        ({"transfer_group": "x"}, "parameter_not_simulated", "transfer_group", None),
        ({"expand[]": "amount"}, None, "expand[0]", "This property cannot be expanded (amount)."),
    ],
)
def test_a_wrong_parameter_is_named(
    server: FakeStripe, wrong: dict[str, str], code: str | None, param: str, message: str | None
) -> None:
    status, body, _ = ask(server, "payment_intents", {**BASE, **wrong})
    error = body["error"]
    assert (status, error["type"], error.get("code"), error["param"]) == (400, "invalid_request_error", code, param)
    if message is not None:
        assert error["message"] == message


def test_a_missing_parameter_is_named(server: FakeStripe) -> None:
    status, body, _ = ask(server, "payment_intents", {"currency": "usd"})
    assert (status, body["error"]["code"], body["error"]["param"]) == (400, "parameter_missing", "amount")


@pytest.mark.parametrize("path", ["customers", "refunds", "payment_methods", "setup_intents", "tokens"])
def test_every_endpoint_refuses_unknown_parameters(server: FakeStripe, path: str) -> None:
    for method in ("POST", "GET") if path != "tokens" else ("POST",):
        where = path if method == "POST" else f"{path}?colour=red"
        status, body, _ = ask(server, where, {"colour": "red"}, method=method)
        assert (status, body["error"]["code"]) == (400, "parameter_unknown")


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("49", "usd", "amount_too_small"),
        ("50", "usd", None),
        ("29", "gbp", "amount_too_small"),
        ("49", "jpy", "amount_too_small"),
        ("50", "jpy", None),
        ("100000000", "usd", "amount_too_large"),
        ("99999999", "usd", None),
        ("100000000", "idr", None),
        ("999999999999", "idr", None),
        ("1000000000000", "idr", "amount_too_large"),
        ("100000000", "jpy", "amount_too_large"),
        ("1005", "kwd", "parameter_invalid_integer"),
        ("1010", "kwd", None),
        ("150", "isk", "parameter_invalid_integer"),
        ("500", "ugx", None),
        ("17499", "huf", "amount_too_small"),
    ],
)
def test_amounts_are_held_to_their_currency(server: FakeStripe, amount: str, currency: str, code: str | None) -> None:
    status, body, _ = ask(server, "payment_intents", {"amount": amount, "currency": currency})
    assert (status, body.get("error", {}).get("code")) == (400 if code else 200, code)


def test_a_currency_that_stripe_does_not_charge_is_refused(server: FakeStripe) -> None:
    status, body, _ = ask(server, "payment_intents", {"amount": "1000", "currency": "xxx"})
    assert (status, body["error"]["param"]) == (400, "currency")
    assert body["error"]["message"].startswith(
        "Invalid currency: xxx. Stripe currently supports these currencies: aed,"
    )


def test_payment_method_types_are_refused_by_today_s_version_only(server: FakeStripe) -> None:
    given = {**BASE, "payment_method_types[]": "card"}
    status, body, _ = ask(server, "payment_intents", given)
    assert (status, body["error"]["code"]) == (400, "payment_method_types_no_longer_supported")
    status, body, headers = ask(server, "payment_intents", given, Stripe_Version="2024-06-20")
    assert (status, body["payment_method_types"], headers["Stripe-Version"]) == (200, ["card"], "2024-06-20")


def test_allowed_types_are_new_and_stand_alone(server: FakeStripe) -> None:
    given = {**BASE, "allowed_payment_method_types[0]": "card"}
    status, body, _ = ask(server, "payment_intents", given, Stripe_Version="2024-06-20")
    assert (status, body["error"]["code"]) == (400, "parameter_unknown")
    status, body, _ = ask(server, "payment_intents", {**given, "automatic_payment_methods[enabled]": "true"})
    assert status == 400
    assert "You may only specify one of these parameters" in body["error"]["message"]


def test_dynamic_payment_methods_want_a_return_url(server: FakeStripe) -> None:
    given = {**BASE, "confirm": "true", "payment_method": "pm_card_visa"}
    status, body, _ = ask(server, "payment_intents", given)
    assert (status, body["error"]["param"]) == (400, "return_url")
    never = {"automatic_payment_methods[enabled]": "true", "automatic_payment_methods[allow_redirects]": "never"}
    for more in ({"return_url": "https://example.com/"}, never):
        status, body, _ = ask(server, "payment_intents", {**given, **more})
        assert (status, body["status"]) == (200, "succeeded")


def test_json_is_not_taken(server: FakeStripe) -> None:
    status, body, _ = ask(server, "customers", {"a": "b"}, Content_Type="application/json")
    assert (status, "application/x-www-form-urlencoded" in body["error"]["message"]) == (400, True)


def test_an_unknown_address_is_said_to_be_one(server: FakeStripe) -> None:
    status, body, headers = ask(server, "charges/x/y/z", method="GET")
    assert (status, body["error"]["message"].partition(".")[0]) == (
        404,
        "Unrecognized request URL (GET: /v1/charges/x/y/z)",
    )
    assert headers["Request-Id"].startswith("req_")


@pytest.mark.parametrize("key", ["", "sk_test_wrong"])
def test_a_wrong_or_missing_key_is_401(server: FakeStripe, key: str) -> None:
    with pytest.raises(stripe.AuthenticationError) as refusal:
        server.client(key or "x").v1.customers.list()
    assert refusal.value.http_status == 401
    assert ask(server, "customers", method="GET", Authorization="")[0] == 401


def test_basic_auth_is_taken_too(server: FakeStripe) -> None:
    status, _, _ = ask(server, "customers", method="GET", Authorization="Basic c2tfdGVzdF9zYW5kYm94Og==")
    assert status == 200


def test_a_browser_s_key_does_only_what_browsers_may(server: FakeStripe, client: stripe.StripeClient) -> None:
    browser = server.client(PUBLISHABLE_KEY)
    with pytest.raises(stripe.AuthenticationError) as refusal:
        browser.v1.customers.list()
    assert error_object(refusal.value).code == "secret_key_required"
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd", "metadata": {"order": "7"}})
    with pytest.raises(stripe.InvalidRequestError):
        browser.v1.payment_intents.retrieve(intent.id)
    with pytest.raises(stripe.InvalidRequestError):
        browser.v1.payment_intents.retrieve(intent.id, {"client_secret": "guess"})
    seen = browser.v1.payment_intents.retrieve(intent.id, {"client_secret": str(intent.client_secret)})
    assert (seen.amount, hasattr(seen, "metadata"), hasattr(seen, "customer")) == (1000, False, False)


def test_a_browser_may_ask_from_another_origin(server: FakeStripe) -> None:
    request = urllib.request.Request(f"{server.url}/v1/payment_methods", method="OPTIONS")
    with OPENER.open(request, timeout=10) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]


def test_unknown_ids_are_404_in_the_address_and_400_in_a_parameter(client: stripe.StripeClient) -> None:
    asks: list[tuple[Any, int, str]] = [
        (lambda: client.v1.payment_intents.retrieve("pi_x"), 404, "intent"),
        (lambda: client.v1.customers.retrieve("cus_x"), 404, "id"),
        (lambda: client.v1.payment_methods.retrieve("pm_x"), 404, "payment_method"),
        (lambda: client.v1.refunds.create({"payment_intent": "pi_x"}), 400, "payment_intent"),
        (lambda: pay(client, "pm_x"), 400, "payment_method"),
        (lambda: pay(client, customer="cus_x"), 400, "customer"),
    ]
    for asking, status, param in asks:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            asking()
        assert (refusal.value.http_status, refusal.value.code, refusal.value.param) == (
            status,
            "resource_missing",
            param,
        )


def test_expansion_reaches_through_objects_and_lists(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"email": "ada@example.com"})
    paid = pay(client, customer=customer.id, expand=["latest_charge.balance_transaction", "customer", "payment_method"])
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert isinstance(paid.latest_charge.balance_transaction, stripe.BalanceTransaction)
    assert paid.latest_charge.balance_transaction.fee == 59
    assert isinstance(paid.customer, stripe.Customer)
    client.v1.refunds.create({"payment_intent": paid.id, "amount": 100})
    listed = client.v1.payment_intents.list({"customer": customer.id, "expand": ["data.latest_charge.refunds"]})
    charge = listed.data[0].latest_charge
    assert isinstance(charge, stripe.Charge)
    assert charge.refunds is not None
    assert [refund.amount for refund in charge.refunds.data] == [100]
