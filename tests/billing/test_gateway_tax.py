import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from billing import gateway, gateway_tax
from billing.tax_codes import CATEGORIES, TAX_CODES, stripe_tax_id
from billing.tax_types import TaxAddress, TaxId, TaxNotCalculated, TaxRequest
from devserver.fake_stripe_server import FakeStripeServer
from tests.support.taxes import BERLIN, NEW_YORK, request_for

pytestmark = pytest.mark.django_db
LYON = TaxAddress(country="FR", postal_code="69001")


@contextmanager
def answering(settings: Any, body: bytes, status: int = 200) -> Iterator[None]:
    """Put something else in Stripe's place."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{server.server_port}"
    gateway.client.cache_clear()
    try:
        yield
    finally:
        gateway.client.cache_clear()
        server.shutdown()
        server.server_close()


def test_each_line_and_the_shipping_say_who_takes_what() -> None:
    found = gateway_tax.calculate(request_for(1010, 2000, currency="usd", ship_to=NEW_YORK, shipping=500))
    assert (found.currency, found.included, found.tax, found.total) == ("usd", False, 90 + 178 + 44, 3822)
    assert [(line.reference, line.amount, line.tax) for line in found.lines] == [("L1", 1010, 90), ("L2", 2000, 178)]
    state, city, district = found.lines[0].taxes
    assert (state.country, state.state, state.level, state.jurisdiction) == ("US", "NY", "state", "New York")
    assert (state.name, state.tax_type, state.reason) == ("Sales and Use Tax", "sales_tax", "standard_rated")
    assert (state.percent, state.taxable, state.amount) == (Decimal("4.0"), 1010, 40)
    assert [tax.percent for tax in (city, district)] == [Decimal("4.5"), Decimal("0.375")]
    assert found.shipping
    assert (found.shipping.reference, found.shipping.amount, found.shipping.tax) == ("", 500, 44)
    assert found.expires_at - timezone.now() > timedelta(days=89)


def test_prices_that_include_tax_stay_the_same() -> None:
    found = gateway_tax.calculate(request_for(11900, included=True, shipping=490))
    assert (found.tax, found.total) == (1900 + 78, 12390)
    assert found.lines[0].taxes[0].taxable == 10000


def test_what_is_not_taxed_has_a_reason_and_no_rate() -> None:
    found = gateway_tax.calculate(request_for(1000, ship_to=TaxAddress(country="CH", postal_code="8001")))
    (tax,) = found.lines[0].taxes
    assert (found.tax, tax.amount, tax.percent, tax.name) == (0, 0, Decimal(0), "")
    assert (tax.reason, CATEGORIES[tax.reason], tax.country) == ("not_collecting", "O", "CH")


@pytest.mark.parametrize(
    ("fields", "reason", "tax"),
    [
        ({"category": "reduced"}, "reduced_rated", 70),
        ({"category": "exempt"}, "product_exempt", 0),
        ({"exempt": True}, "customer_exempt", 0),
        ({"ship_to": LYON, "tax_id": stripe_tax_id("FR 40303265045")}, "reverse_charge", 0),
        (
            {
                "ship_to": LYON,
                "tax_id": stripe_tax_id("FR40303265045"),
                "ship_from": TaxAddress(country="FR"),
                "address_source": "billing",
            },
            "standard_rated",
            200,
        ),
    ],
)
def test_the_customer_and_the_goods_decide(fields: dict[str, Any], reason: str, tax: int) -> None:
    found = gateway_tax.calculate(request_for(1000, **fields))
    assert (found.lines[0].taxes[0].reason, found.tax) == (reason, tax)


def test_a_date_of_tax_can_be_told() -> None:
    assert gateway_tax.calculate(request_for(1000, tax_date=timezone.now() - timedelta(days=3))).tax == 190


def test_an_order_of_many_lines_is_read_to_its_end() -> None:
    amounts = range(1000, 1037)
    found = gateway_tax.calculate(request_for(*amounts))
    assert [line.amount for line in found.lines] == list(amounts)
    assert [line.reference for line in found.lines] == [f"L{number}" for number in range(1, 38)]
    assert all(line.taxes for line in found.lines)


@pytest.mark.parametrize(
    ("request_", "why", "code", "words"),
    [
        (request_for(1000, ship_to=TaxAddress(country="US")), "address", "customer_tax_location_invalid", "address"),
        (request_for(1000, tax_id=TaxId(type="eu_vat", value="DE1")), "tax_id", "tax_id_invalid", "tax id"),
        (request_for(*range(1, 102)), "refused", "refused", "line items"),
        (request_for(1000, tax_date=timezone.now() - timedelta(days=60)), "refused", "refused", "31 days"),
    ],
)
def test_what_stripe_refuses_is_said_in_words(request_: TaxRequest, why: str, code: str, words: str) -> None:
    with pytest.raises(TaxNotCalculated) as refused:
        gateway_tax.calculate(request_)
    assert (refused.value.why, refused.value.code) == (why, code)
    assert words in refused.value.message


@pytest.mark.parametrize(
    "fault",
    [
        *({"fault": "status", "status": status} for status in (409, 429, 500, 503)),
        *({"fault": fault} for fault in ("drop_before", "drop_after")),
    ],
    ids=str,
)
@pytest.mark.parametrize("match", ["POST /v1/tax/calculations", "GET /v1/tax/calculations"])
def test_a_stripe_that_is_away_is_said(fake_stripe: FakeStripeServer, fault: dict[str, Any], match: str) -> None:
    fake_stripe.faults({"match": match, "times": 1, **fault})
    many = request_for(*range(1000, 1020))
    with pytest.raises(TaxNotCalculated, match="does not answer") as away:
        gateway_tax.calculate(many)
    assert away.value.why == "away"
    assert gateway_tax.calculate(many).tax  # the next one goes through: nothing was kept


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_stripe_refuses_is_ours_to_mend(fake_stripe: FakeStripeServer, status: int) -> None:
    fake_stripe.faults({"match": "POST /v1/tax", "fault": "status", "status": status, "times": 1})
    with pytest.raises(TaxNotCalculated, match="refuses our key") as wrong:
        gateway_tax.calculate(request_for(1000))
    assert wrong.value.why == "refused"


LINE = {
    "amount": 1000,
    "amount_tax": 190,
    "reference": "L1",
    "tax_breakdown": [
        {
            "amount": 190,
            "jurisdiction": {"country": "DE", "display_name": "Germany", "level": "country", "state": None},
            "tax_rate_details": {"display_name": "USt", "percentage_decimal": "19.0", "tax_type": "vat"},
            "taxability_reason": "standard_rated",
            "taxable_amount": 1000,
        }
    ],
}
ANSWER = {
    "id": "taxcalc_1",
    "amount_total": 1190,
    "currency": "eur",
    "shipping_cost": None,
    "tax_amount_exclusive": 190,
    "tax_amount_inclusive": 0,
    "expires_at": 4000000000,
    "line_items": {"object": "list", "data": [LINE], "has_more": False, "url": "/v1/x"},
}


def test_an_answer_that_adds_up_is_taken(settings: Any) -> None:
    with answering(settings, json.dumps(ANSWER).encode()):
        assert gateway_tax.calculate(request_for(1000)).tax == 190


@pytest.mark.parametrize(
    "wrong",
    [
        {"tax_amount_exclusive": 0},
        {"amount_total": 1000},
        {"currency": "usd"},
        {"id": None},
        {"line_items": {"object": "list", "data": [], "has_more": False, "url": "/v1/x"}, "tax_amount_exclusive": 0},
        {"line_items": {"object": "list", "data": [{**LINE, "amount": 900}], "has_more": False, "url": "/v1/x"}},
        {"line_items": {"object": "list", "data": [{**LINE, "reference": "L2"}], "has_more": False, "url": "/v1/x"}},
        {"line_items": {"object": "list", "data": [{**LINE, "tax_breakdown": []}], "has_more": False, "url": "/v1/x"}},
        {"line_items": None},
        {"expires_at": "soon"},
    ],
    ids=str,
)
def test_no_zero_comes_of_an_answer_that_does_not_add_up(settings: Any, wrong: dict[str, Any]) -> None:
    with answering(settings, json.dumps({**ANSWER, **wrong}).encode()), pytest.raises(TaxNotCalculated) as odd:
        gateway_tax.calculate(request_for(1000))
    assert odd.value.why == "away"


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b'{"id": "taxcalc_1"}'])
def test_what_is_no_calculation_is_none(settings: Any, body: bytes) -> None:
    with answering(settings, body), pytest.raises(TaxNotCalculated):
        gateway_tax.calculate(request_for(1000))


def test_nothing_is_calculated_inside_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        gateway_tax.calculate(request_for(1000))


def test_every_category_has_a_code_that_the_fake_stripe_takes() -> None:
    for category in TAX_CODES:
        assert gateway_tax.calculate(request_for(1000, category=category)).id


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("DE 136.695.976", "eu_vat", "DE136695976"),
        ("el094259216", "eu_vat", "EL094259216"),
        ("XI 123456789", "eu_vat", "XI123456789"),
        ("GB 980 7806 84", "gb_vat", "GB980780684"),
        ("CHE-123.456.788 MWST", "ch_vat", "CHE-123.456.788 MWST"),
    ],
)
def test_a_tax_id_is_named_as_stripe_does(text: str, kind: str, value: str) -> None:
    assert stripe_tax_id(text) == TaxId(type=kind, value=value)
    assert stripe_tax_id(f"QQ{text}") is None
    assert gateway_tax.calculate(request_for(1000, ship_to=BERLIN, tax_id=stripe_tax_id(text))).id
