from typing import Any
from uuid import uuid4

import pytest
import stripe

from tests.fake_stripe.calls import error_object
from tests.fake_stripe.taxes import BERLIN, BOOKS, DIGITAL, GOODS, NEW_YORK, SEATTLE, calculate
from tests.fake_stripe.test_parameters import ask
from tests.support.fake_stripe_process import FakeStripe

LINE = {"currency": "usd", "line_items[0][amount]": "1000", "customer_details[address][country]": "DE"}
FRANCE, SWITZERLAND = {"country": "FR"}, {"country": "CH", "postal_code": "8001"}
LOCATION = "customer_tax_location_invalid"
DAY = 24 * 3600


def breakdown(calculation: stripe.tax.Calculation, line: int = 0) -> list[tuple[str, str, int, int]]:
    assert calculation.line_items
    taxes = calculation.line_items.data[line].tax_breakdown
    assert taxes
    return [
        (
            tax.jurisdiction.display_name,
            tax.tax_rate_details.percentage_decimal if tax.tax_rate_details else "-",
            tax.taxable_amount,
            tax.amount,
        )
        for tax in taxes
    ]


def test_the_rates_of_a_place_are_added_and_rounded_once_a_line(client: stripe.StripeClient) -> None:
    calculation = calculate(client, 1010)
    assert (calculation.amount_total, calculation.tax_amount_exclusive) == (1100, 90)
    assert calculation.currency == "usd"
    taxes = breakdown(calculation)
    assert [each[:3] for each in taxes] == [
        ("New York", "4.0", 1010),
        ("NEW YORK CITY", "4.5", 1010),
        ("METROPOLITAN COMMUTER TRANSPORTATION DISTRICT", "0.375", 1010),
    ]
    assert sum(each[3] for each in taxes) == 90
    (whole,) = calculation.tax_breakdown
    assert (whole.amount, whole.taxable_amount, whole.inclusive) == (90, 1010, False)
    assert whole.tax_rate_details.percentage_decimal == "8.875"
    assert whole.tax_rate_details.state == "NY"


def test_each_line_is_rounded_by_itself(client: stripe.StripeClient) -> None:
    # 3 x 0.33 at 19 %: 0.0627 each, so 0.06 and not a third of 0.19.
    calculation = calculate(client, 33, 33, 33, to=BERLIN, currency="eur")
    assert calculation.line_items
    assert [line.amount_tax for line in calculation.line_items.data] == [6, 6, 6]
    assert calculation.tax_amount_exclusive == 18


def test_seattle_is_taxed_as_stripes_own_example(client: stripe.StripeClient) -> None:
    calculation = calculate(client, 1000, to=SEATTLE)
    assert calculation.tax_amount_exclusive == 103
    assert sum(each[3] for each in breakdown(calculation)) == 103


def test_an_included_tax_leaves_the_price_alone(client: stripe.StripeClient) -> None:
    shipping: Any = {"amount": 490, "tax_behavior": "inclusive", "tax_code": "txcd_92010001"}
    calculation = calculate(client, 11900, to=BERLIN, currency="eur", behavior="inclusive", shipping_cost=shipping)
    assert (calculation.amount_total, calculation.tax_amount_exclusive) == (11900 + 490, 0)
    assert calculation.tax_amount_inclusive == 1900 + 78
    assert breakdown(calculation) == [("Germany", "19.0", 10000, 1900)]
    assert calculation.shipping_cost
    assert calculation.shipping_cost.amount_tax == 78
    assert calculation.shipping_cost.tax_breakdown
    assert calculation.shipping_cost.tax_breakdown[0].taxable_amount == 412


@pytest.mark.parametrize(
    ("to", "code", "customer", "reason", "tax"),
    [
        (BERLIN, GOODS, {}, "standard_rated", 190),
        (BERLIN, BOOKS, {}, "reduced_rated", 70),
        ({"country": "GB"}, BOOKS, {}, "zero_rated", 0),
        (FRANCE, BOOKS, {}, "reduced_rated", 55),
        (NEW_YORK, DIGITAL, {}, "product_exempt", 0),
        (NEW_YORK, "txcd_00000000", {}, "product_exempt", 0),
        (SWITZERLAND, GOODS, {}, "not_collecting", 0),
        ({"country": "US", "state": "FL", "postal_code": "33101"}, GOODS, {}, "not_collecting", 0),
        ({"country": "US", "postal_code": "10001"}, GOODS, {}, "standard_rated", 89),
        (FRANCE, GOODS, {"tax_ids": [{"type": "eu_vat", "value": "FR40303265045"}]}, "reverse_charge", 0),
        (BERLIN, GOODS, {"tax_ids": [{"type": "eu_vat", "value": "DE136695976"}]}, "standard_rated", 190),
        (BERLIN, GOODS, {"taxability_override": "customer_exempt"}, "customer_exempt", 0),
        (FRANCE, GOODS, {"taxability_override": "reverse_charge"}, "reverse_charge", 0),
    ],
)
def test_each_zero_has_its_reason(
    client: stripe.StripeClient, to: dict[str, str], code: str, customer: dict[str, Any], reason: str, tax: int
) -> None:
    calculation = calculate(client, 1000, to=to, code=code, customer=customer)
    assert calculation.line_items
    (line,) = calculation.line_items.data
    assert line.tax_breakdown
    assert (line.tax_breakdown[0].taxability_reason, line.amount_tax) == (reason, tax)
    assert calculation.tax_breakdown[0].taxability_reason == reason


def test_where_goods_come_from_decides_on_reverse_charge(client: stripe.StripeClient) -> None:
    customer = {"tax_ids": [{"type": "eu_vat", "value": "FR40303265045"}]}
    origin: Any = {"address": {"country": "FR"}}
    calculation = calculate(client, 1000, to=FRANCE, customer=customer, ship_from_details=origin)
    assert calculation.tax_amount_exclusive == 200


def test_lines_are_listed_in_pages(client: stripe.StripeClient) -> None:
    calculation = calculate(client, *range(100, 112))
    assert calculation.id
    assert calculation.line_items
    assert (len(calculation.line_items.data), calculation.line_items.has_more) == (10, True)
    after: Any = {"limit": 10, "starting_after": calculation.line_items.data[-1].id}
    rest = client.v1.tax.calculations.line_items.list(calculation.id, after | {"expand": ["data.tax_breakdown"]})
    assert [line.reference for line in rest.data] == ["L11", "L12"]
    assert rest.data[0].tax_breakdown
    assert not rest.has_more
    before = client.v1.tax.calculations.line_items.list(calculation.id, {"limit": 3, "ending_before": rest.data[0].id})
    assert [line.reference for line in before.data] == ["L8", "L9", "L10"]
    assert before.has_more
    assert "tax_breakdown" not in before.data[0].to_dict()


def test_a_calculation_can_be_fetched_until_it_expires(own_server: FakeStripe) -> None:
    client = own_server.client()
    calculation = calculate(client, 1000)
    assert calculation.id
    found = client.v1.tax.calculations.retrieve(calculation.id)
    assert (found.amount_total, "line_items" in found.to_dict()) == (calculation.amount_total, False)
    own_server.post("clock", {"advance": 90 * DAY})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.tax.calculations.retrieve(calculation.id)
    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")
    sale: Any = {"calculation": calculation.id, "reference": "late"}
    with pytest.raises(stripe.InvalidRequestError, match="has expired"):
        client.v1.tax.transactions.create_from_calculation(sale)
    assert own_server.ledger()["tax_transactions"] == []


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"line_items[0][amount]": "-1"}, "parameter_invalid_integer", "line_items[0][amount]"),
        ({"line_items[0][colour]": "red"}, "parameter_unknown", "line_items[0][colour]"),
        ({"line_items[0][tax_code]": "txcd_1"}, None, "line_items[0][tax_code]"),
        ({"line_items[0][product]": "prod_1"}, "parameter_not_simulated", "line_items[0][product]"),
        ({"line_items[0][tax_behavior]": "free"}, None, "line_items[0][tax_behavior]"),
        ({"line_items[1][quantity]": "1"}, "parameter_missing", "line_items[1][amount]"),
        ({f"line_items[{n}][amount]": "1" for n in range(101)}, None, "line_items"),
        ({"currency": "xyz"}, None, "currency"),
        ({"currency": "isk", "line_items[0][amount]": "150"}, "parameter_invalid_integer", "amount"),
        ({"customer": "cus_1"}, "parameter_not_simulated", "customer"),
        ({"customer_details[address][country]": ""}, "parameter_invalid_empty", "customer_details[address][country]"),
        (
            {"customer_details[address][country]": "Germany"},
            LOCATION,
            "customer_details[address]",
        ),
        ({"customer_details[address][country]": "US"}, "customer_tax_location_invalid", "customer_details[address]"),
        (
            {
                "customer_details[address][country]": "US",
                "customer_details[address][state]": "NY",
                "customer_details[address][postal_code]": "98104",
            },
            LOCATION,
            "customer_details[address]",
        ),
        (
            {"customer_details[tax_ids][0][type]": "eu_vat", "customer_details[tax_ids][0][value]": "DE12"},
            "tax_id_invalid",
            "customer_details[tax_ids][0][value]",
        ),
        ({"shipping_cost[tax_code]": "txcd_92010001"}, "parameter_missing", "shipping_cost[amount]"),
        ({"tax_date": "1"}, None, "tax_date"),
        ({"expand[]": "line_items.data.product"}, None, "expand[0]"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    server: FakeStripe, wrong: dict[str, str], code: str | None, param: str
) -> None:
    status, body, _ = ask(server, "tax/calculations", {**LINE, **wrong})
    error = body["error"]
    assert (status, error["type"], error.get("code"), error["param"]) == (400, "invalid_request_error", code, param)


def test_an_address_is_required(server: FakeStripe) -> None:
    status, body, _ = ask(server, "tax/calculations", {"currency": "usd", "line_items[0][amount]": "1"})
    assert (status, body["error"]["param"]) == (400, "customer_details[address]")


def test_two_lines_of_one_reference_are_refused(client: stripe.StripeClient) -> None:
    lines: Any = [{"amount": 1, "reference": "same"}] * 2
    with pytest.raises(stripe.InvalidRequestError, match="unique reference"):
        calculate(client, to=BERLIN, line_items=lines)


def test_faults_and_keys_apply_to_calculations(server: FakeStripe, client: stripe.StripeClient) -> None:
    server.faults({"match": "POST /v1/tax/calculations", "fault": "status", "status": 503, "times": 1})
    with pytest.raises(stripe.APIError):
        calculate(client, 1000)
    key = str(uuid4())
    params: Any = {
        "currency": "eur",
        "line_items": [{"amount": 1000}],
        "customer_details": {"address": BERLIN},
    }
    first = client.v1.tax.calculations.create(params, {"idempotency_key": key})
    assert client.v1.tax.calculations.create(params, {"idempotency_key": key}).id == first.id
    with pytest.raises(stripe.IdempotencyError) as refused:
        client.v1.tax.calculations.create(params | {"currency": "usd"}, {"idempotency_key": key})
    assert "same parameters" in str(error_object(refused.value).message)
