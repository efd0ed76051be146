"""Secrets of Stripe's objects are kept while a browser needs them, and then nowhere: no table, log or answer."""

import logging
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test import Client

from backoffice.stripe_secrets import strip_secrets, without_secrets
from billing import gateway
from billing.models import Payment, WebhookEvent
from ecommerce.models import ApiKey, Order
from ecommerce.orders.pay import end_authentication
from pelcro_orders.logs import Formatter
from tests.support.api_client import CORE, Api
from tests.support.dump import TABLES
from tests.support.factories import ANA, make_customer, make_sku, place_order
from tests.support.webhook_events import happened, post

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "pi_3Abc_secret_Def456"
EVENT: dict[str, Any] = {
    "id": "evt_1",
    "type": "setup_intent.created",
    "object": "event",
    "data": {
        "object": {
            "id": "seti_1",
            "client_secret": "seti_1_secret_2",
            "last_setup_error": {"setup_intent": {"client_secret": "seti_3_secret_4"}, "message": f"No such {SECRET}"},
            "next_action": [{"url": f"https://hooks.stripe.com/x?client_secret={SECRET}&y=1"}],
            "ephemeral": {"object": "ephemeral_key", "secret": "ek_test_abc"},
            "endpoint": {"secret": "whsec_abc", "note": "sk_live_abc123"},
        },
        "previous_attributes": {"client_secret": SECRET, "status": "requires_action"},
    },
}
MARKS = ("\\_secret\\_", "ek\\_test\\_", "whsec\\_", "sk\\_live\\_")


def tables_with_secrets() -> list[str]:
    found = []
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        for (table,) in cursor.fetchall():
            for mark in MARKS:
                cursor.execute(f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE %s', [f"%{mark}%"])
                if cursor.fetchone()[0]:
                    found.append(f"{table}: {mark}")
    return found


def test_no_table_holds_a_secret_once_the_payments_of_a_run_are_closed() -> None:
    sku, customer = make_sku(stock=50), make_customer()
    waiting = []
    for token in (
        "pm_card_visa",
        "pm_card_chargeDeclined",
        "pm_card_authenticationRequired",
        "tok_chargeDeclinedFraudulent",
    ):
        order = place_order(token=token, sku=sku, customer=customer)
        waiting += [order] if order.money_state == "authentication_required" else []
    assert Payment.objects.exclude(client_secret="").count() == len(waiting) == 1
    for order in waiting:
        end_authentication(order_id=order.pk, at=order.created_at)
    for kind in ("payment_intent.payment_failed", "payment_intent.canceled", "payment_intent.succeeded"):
        for event in happened(kind):
            assert post(event).status_code == 200
    assert post(EVENT).status_code == 200

    assert Payment.objects.exclude(client_secret="").count() == 0
    assert tables_with_secrets() == []
    assert WebhookEvent.objects.get(stripe_event_id="evt_1").payload["data"]["previous_attributes"] == {
        "status": "requires_action"
    }


def test_the_database_refuses_the_secret_of_a_closed_payment() -> None:
    order = place_order(token="pm_card_chargeDeclined")
    with pytest.raises(IntegrityError, match="payment_secret_while_needed"), transaction.atomic():
        Payment.objects.filter(invoice__order=order).update(client_secret=SECRET)


def test_the_migration_cleans_what_was_stored_before() -> None:
    module = __import__("billing.migrations.0021_no_secrets", fromlist=["remove_secrets"])
    order = place_order(token="pm_card_chargeDeclined")
    Payment.objects.filter(invoice__order=order).update(failure_message=f"No such intent: {SECRET}")
    WebhookEvent.objects.create(stripe_event_id="evt_1", type="x", payload=EVENT, error=f"InvalidRequest: {SECRET}")
    assert tables_with_secrets()
    module.remove_secrets(apps, None)
    assert tables_with_secrets() == []


def test_an_error_that_repeats_a_secret_loses_it() -> None:
    for kind in (gateway.InvalidRequest, gateway.Unavailable, gateway.Misconfigured, gateway.Unexpected):
        error = kind(f"No such payment_intent: '{SECRET}'")
        assert (error.message, str(error)) == ("No such payment_intent: '[removed]'",) * 2
    declined = gateway.CardDeclined(SECRET, code="", decline_code="", intent=None)
    assert declined.message == "[removed]"


@pytest.mark.parametrize(
    "text", ["cs_test_a1_secret_b2", "src_1_secret_2", "ek_live_YWNj", "sk_test_4eC39", "rk_live_1", "whsec_a+b/c="]
)
def test_every_kind_of_secret_is_found(text: str) -> None:
    assert without_secrets(f"say {text}, then") == "say [removed], then"
    assert strip_secrets({"a": [{"b": text, "client_secret": text}]}) == {"a": [{"b": "[removed]"}]}


def test_what_is_no_secret_stays() -> None:
    plain = {"id": "pi_3Abc", "secretary": "Ada", "text": "the secret of_secret sauce", "amount": 1, "x": None}
    assert strip_secrets(plain) == plain


def test_a_log_line_and_its_traceback_hold_no_secret() -> None:
    error = ValueError(SECRET)
    record = logging.LogRecord("billing", logging.ERROR, "x.py", 1, "Failed: %s", (SECRET,), (ValueError, error, None))
    assert SECRET not in Formatter("json").format(record)


def test_a_log_line_holds_no_address_that_lets_in() -> None:
    def line(path: str) -> str:
        record = logging.LogRecord("django.request", logging.ERROR, "x.py", 1, "Refused: %s", (path,), None)
        return Formatter("line").format(record).partition("django.request: ")[2]

    assert line("/pay/WyJh.b_-c/") == "Refused: /pay/[removed]/"
    assert line("/documents/credit-note:17:20600:s_ig-N/") == "Refused: /documents/[removed]/"
    assert line("/exports/documents/2026/11/17-abc.pdf") == "Refused: /exports/documents/2026/11/17-abc.pdf"


def test_a_key_that_may_not_charge_sees_no_secret() -> None:
    order = place_order(token="pm_card_authenticationRequired")
    secret = Payment.objects.get().client_secret
    assert secret
    for permission in ApiKey.Permission:
        name = str(permission.label)
        _key, text = ApiKey.objects.create_key(name=name, permissions=[permission, "ecommerce.view_order"], by=ANA)
        read, listed = Api(text).get(f"{CORE}/orders/{order.number}"), Api(text).get(f"{CORE}/orders")
        expected = secret if permission == "ecommerce.add_order" else None
        assert (read.order["client_secret"], listed.data[0]["client_secret"]) == (expected, expected), permission


def test_no_page_of_the_admin_shows_a_secret(as_role: Any) -> None:
    order = place_order(token="pm_card_authenticationRequired")
    payment = Payment.objects.get()
    browser: Client = as_role("admin")
    for path in (
        f"ecommerce/order/{order.pk}/change/",
        f"billing/payment/{payment.pk}/change/",
        f"ecommerce/order/{order.pk}/pay/",
        "billing/payment/",
    ):
        page = browser.get(f"/admin/{path}")
        assert page.status_code == 200
        assert payment.client_secret not in page.content.decode()
    assert Order.objects.get().money_state == "authentication_required"
