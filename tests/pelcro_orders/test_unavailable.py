"""While PostgreSQL has no connection left, or loses one, everybody is told to come again, and nothing is lost."""

import json
import time
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.urls import reverse

from billing.models import WebhookEvent
from customers.accounts import create_account
from customers.models import Customer
from ecommerce.models import Order, Sku
from fake_stripe.webhooks import signature
from pelcro_orders.edge import application
from pelcro_orders.edge.limits import REFUSAL
from tests.support.api_client import CORE, PASSWORD, SDK, Api, paying, sign_in
from tests.support.factories import make_customer, make_sku, make_staff
from tests.support.full_database import FULL, no_connection_left
from tests.support.log_lines import collected

pytestmark = pytest.mark.django_db(transaction=True)
ADD = reverse("admin:ecommerce_order_add")


@pytest.fixture
def browser() -> Client:
    """A browser that shows an error page, where Django's own test client would raise."""
    client = Client(raise_request_exception=False)
    client.force_login(make_staff("ana", "ecommerce.add_order", "ecommerce.view_order", "ecommerce.add_product"))
    return client


@pytest.fixture
def ada() -> Customer:
    return make_customer()


@pytest.fixture
def mug() -> Sku:
    return make_sku(price=900, stock=10)


def order_form(customer: Customer, sku: Sku) -> dict[str, Any]:
    charged = {"card": "new", "token": "pm_card_visa", "expected_total": 900, "expected_currency": "usd"}
    items = {"items-0-sku_id": sku.pk, "items-0-quantity": 1}
    return {"customer_id": customer.pk, "key": str(uuid4()), "_submit": "1", **items, **charged}


def end_session(*_: Any, **__: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_page_without_a_connection_says_to_come_again_in_one_line_of_the_log(browser: Client) -> None:
    with no_connection_left(), collected() as log:
        answer = browser.get(reverse("admin:ecommerce_order_changelist"))
        page = answer.content.decode()
    assert (answer.status_code, answer["Retry-After"], answer["Cache-Control"]) == (503, "5", "no-store")
    assert "Nothing was changed; try again in a few seconds." in page
    reason, request = log.lines
    assert reason["message"].startswith("PostgreSQL can't be used: ")
    assert any(words in reason["message"] for words in FULL)
    assert (request["message"], request["status"]) == ("GET 503", 503)
    assert not any("exception" in line for line in log.lines)
    assert browser.get(reverse("admin:ecommerce_order_changelist")).status_code == 200


def test_an_order_form_that_was_not_taken_is_sent_again_and_charged_once(
    browser: Client, ada: Customer, mug: Sku, ledger: Any, fake_stripe: Any
) -> None:
    sent = order_form(ada, mug)
    with no_connection_left():
        answer = browser.post(ADD, sent)
    assert answer.status_code == 503
    assert "This was not saved" in answer.content.decode()
    assert Order.objects.count() == 0
    first, again = browser.post(ADD, sent), browser.post(ADD, sent)
    assert (
        first["Location"] == again["Location"] == reverse("admin:ecommerce_order_change", args=[Order.objects.get().pk])
    )
    assert len(ledger()["payment_intents"]) == 1


def test_a_form_whose_connection_is_lost_is_not_said_to_be_unsaved(
    browser: Client, ada: Customer, mug: Sku, ledger: Any, fake_stripe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = order_form(ada, mug)
    with monkeypatch.context() as changed:
        changed.setattr("ecommerce.orders.execute.settlement.execute_payment", end_session)
        answer = browser.post(ADD, sent)
    connection.close()  # as a server does at the end of a request, and Django's test client does not
    page = answer.content.decode()
    assert (answer.status_code, Order.objects.count()) == (503, 1)
    assert "Perhaps this was not saved" in page
    assert "the same form of an order makes one order, which is charged once" in page
    browser.post(ADD, sent)
    assert (Order.objects.count(), len(ledger()["payment_intents"])) == (1, 1)


def test_the_api_answers_in_its_own_shape_and_the_same_key_makes_one_order(
    ada: Customer, mug: Sku, ledger: Any, fake_stripe: Any
) -> None:
    create_account(customer=ada, password=PASSWORD)
    website, key = sign_in(), str(uuid4())
    with no_connection_left():
        refused = website.order(paying(mug), idempotency_key=key)
        keyless = Api("pk_nothing").get(f"{CORE}/orders")
    assert (refused.refused, refused.headers["Retry-After"]) == ((503, "unavailable"), "5")
    assert keyless.refused == (503, "unavailable")
    assert [website.order(paying(mug), idempotency_key=key).status for _ in range(2)] == [200, 200]
    assert (Order.objects.count(), len(ledger()["payment_intents"])) == (1, 1)


def test_an_event_of_stripe_that_is_not_stored_is_refused_so_that_it_comes_again() -> None:
    event = {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}}
    body = json.dumps(event).encode()
    headers = {"Stripe-Signature": signature(body, settings.STRIPE_WEBHOOK_SECRET, int(time.time()))}

    def deliver() -> Any:
        client = Client(raise_request_exception=False)
        return client.post("/webhooks/stripe/", body, content_type="application/json", headers=headers)

    with no_connection_left():
        refused = deliver()
    assert (refused.status_code, refused["Retry-After"], refused["Content-Type"]) == (503, "5", "text/plain")
    assert not WebhookEvent.objects.exists()
    assert deliver().status_code == 200
    assert WebhookEvent.objects.get().stripe_event_id == "evt_1"


def test_a_file_is_refused_before_it_is_read(browser: Client) -> None:
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    path = reverse("admin:ecommerce_product_import")
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": path, "HTTP_COOKIE": cookies, "wsgi.input": BytesIO()}
    with no_connection_left():
        allowed = application._limits_of_sender(environ)
    assert allowed.refusal == 503
    refusal: Any = {REFUSAL: allowed.refusal}
    assert browser.post(path, **refusal).status_code == 503


def test_a_session_that_ends_in_the_middle_is_no_fault_of_the_program(
    ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_account(customer=ada, password=PASSWORD)
    website = sign_in()
    monkeypatch.setattr("ecommerce.api.routes.customer.customer_response", end_session)
    assert website.get(f"{SDK}/customer").refused == (503, "unavailable")
    connection.close()


def test_what_the_database_refuses_for_another_reason_stays_an_error(
    ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_account(customer=ada, password=PASSWORD)
    website = sign_in()

    def wait_too_long(*_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', '10', false)")
            try:
                cursor.execute("SELECT pg_sleep(5)")
            finally:
                cursor.execute("RESET statement_timeout")

    monkeypatch.setattr("ecommerce.api.routes.customer.customer_response", wait_too_long)
    with collected() as log:
        assert website.get(f"{SDK}/customer").refused == (500, "internal_error")
    assert any("QueryCanceled" in line.get("exception", "") for line in log.lines)
