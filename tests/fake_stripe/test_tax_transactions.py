from typing import Any

import pytest
import stripe

from tests.fake_stripe.calls import metadata_dict
from tests.fake_stripe.taxes import BERLIN, amounts, calculate, part, reverse, sell
from tests.fake_stripe.test_parameters import ask
from tests.support.fake_stripe_process import FakeStripe

SHIPPING: Any = {"amount": 500, "tax_code": "txcd_92010001"}


@pytest.fixture
def client(own_server: FakeStripe) -> stripe.StripeClient:
    return own_server.client()


def kept(server: FakeStripe) -> list[tuple[str, str]]:
    return [(each["type"], each["reference"]) for each in server.ledger()["tax_transactions"]]


def test_a_sale_is_recorded_as_calculated(own_server: FakeStripe, client: stripe.StripeClient) -> None:
    calculation = calculate(client, 10000, 2000, to=BERLIN, currency="eur", shipping_cost=SHIPPING)
    params: Any = {"calculation": calculation.id, "reference": "INV-1", "metadata": {"order": "1"}}
    sale = client.v1.tax.transactions.create_from_calculation(params)
    found = client.v1.tax.transactions.retrieve(sale.id, {"expand": ["line_items"]})
    assert (found.type, found.reference, found.reversal, found.currency) == ("transaction", "INV-1", None, "eur")
    assert metadata_dict(found.metadata) == {"order": "1"}
    assert amounts(found) == [(10000, 1900), (2000, 380)]
    assert found.shipping_cost
    assert (found.shipping_cost.amount, found.shipping_cost.amount_tax) == (500, 95)
    lines = client.v1.tax.transactions.line_items.list(sale.id)
    assert [line.reference for line in lines.data] == ["L1", "L2"]
    assert lines.data[0].type == "transaction"
    assert kept(own_server) == [("transaction", "INV-1")]


def test_a_reference_is_used_once(own_server: FakeStripe, client: stripe.StripeClient) -> None:
    sale = sell(client, 1000, reference="one")
    with pytest.raises(stripe.InvalidRequestError, match="already exists") as refused:
        sell(client, 1000, reference="one")
    assert refused.value.param == "reference"
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        reverse(client, sale, reference="one", mode="full")
    assert kept(own_server) == [("transaction", "one")]


def test_a_calculation_is_used_once(own_server: FakeStripe, client: stripe.StripeClient) -> None:
    calculation = calculate(client, 1000)
    for reference in ("one", "two"):
        params: Any = {"calculation": calculation.id, "reference": reference}
        if reference == "one":
            client.v1.tax.transactions.create_from_calculation(params)
        else:
            with pytest.raises(stripe.InvalidRequestError, match="already been used"):
                client.v1.tax.transactions.create_from_calculation(params)
    assert kept(own_server) == [("transaction", "one")]


def test_a_whole_reversal_turns_each_sign(client: stripe.StripeClient) -> None:
    sale = sell(client, 1000, 2000, reference="one", shipping_cost=SHIPPING)
    back = reverse(client, sale, reference="back", mode="full")
    assert amounts(back) == [(-amount, -tax) for amount, tax in amounts(sale)]
    assert back.reversal
    assert (back.type, back.reversal.original_transaction) == ("reversal", sale.id)
    assert back.shipping_cost
    assert back.shipping_cost.amount == -500
    assert back.line_items
    assert back.line_items.data[0].reversal
    assert sale.line_items
    assert back.line_items.data[0].reversal.original_line_item == sale.line_items.data[0].id
    with pytest.raises(stripe.InvalidRequestError, match="because it has been fully reversed"):
        reverse(client, sale, reference="again", mode="full")
    with pytest.raises(stripe.InvalidRequestError, match="is a reversal itself"):
        reverse(client, back, reference="part", flat_amount=-1)


def test_parts_can_be_reversed_until_nothing_is_left(client: stripe.StripeClient) -> None:
    sale = sell(client, 1000, reference="one", to=BERLIN, shipping_cost=SHIPPING)
    reverse(client, sale, reference="r1", line_items=[part(sale, 0, -400, -76)])
    reverse(client, sale, reference="r2", shipping_cost={"amount": -500, "amount_tax": -95})
    with pytest.raises(stripe.InvalidRequestError, match="greater than what is left"):
        reverse(client, sale, reference="r3", line_items=[part(sale, 0, -600, -115)])
    with pytest.raises(stripe.InvalidRequestError, match="greater than what is left"):
        reverse(client, sale, reference="r3", shipping_cost={"amount": -1, "amount_tax": 0})
    last = reverse(client, sale, reference="r3", line_items=[part(sale, 0, -600, -114)])
    assert amounts(last) == [(-600, -114)]
    assert last.shipping_cost is None


def test_a_reversal_that_is_taken_back_frees_its_amounts(client: stripe.StripeClient) -> None:
    sale = sell(client, 1000, reference="one", to=BERLIN)
    back = reverse(client, sale, reference="r1", line_items=[part(sale, 0, -1000, -190)])
    undone = reverse(client, back, reference="r1-failed", mode="full")
    assert amounts(undone) == [(1000, 190)]
    reverse(client, sale, reference="r2", line_items=[part(sale, 0, -1000, -190)])
    with pytest.raises(stripe.InvalidRequestError, match="fully reversed"):
        reverse(client, back, reference="r1-failed-2", mode="full")
    with pytest.raises(stripe.InvalidRequestError, match="is a reversal itself"):
        reverse(client, undone, reference="r3", mode="full")


def test_a_flat_amount_is_divided_as_in_stripes_own_example(client: stripe.StripeClient) -> None:
    # 10 and 20 dollars at 10 %, as near as the table has it: 19 % of 1000 and of 2000 euros.
    sale = sell(client, 1000, 2000, reference="one", to=BERLIN, currency="eur")
    half = reverse(client, sale, reference="half", flat_amount=-1785)
    assert amounts(half) == [(-500, -95), (-1000, -190)]
    reverse(client, sale, reference="line", line_items=[part(sale, 0, -500, -95)])
    rest = reverse(client, sale, reference="rest", flat_amount=-1190)
    assert amounts(rest) == [(0, 0), (-1000, -190)]
    with pytest.raises(stripe.InvalidRequestError, match="greater than what is left"):
        reverse(client, sale, reference="more", flat_amount=-1)


def test_thirty_partial_reversals_are_the_most(client: stripe.StripeClient) -> None:
    sale = sell(client, 100000, reference="one", to=BERLIN)
    for number in range(30):
        reverse(client, sale, reference=f"r{number}", line_items=[part(sale, 0, -100, -19)])
    with pytest.raises(stripe.InvalidRequestError, match="more than 30"):
        reverse(client, sale, reference="r30", line_items=[part(sale, 0, -100, -19)])


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"mode": "some"}, None, "mode"),
        ({"mode": ""}, "parameter_invalid_empty", "mode"),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"mode": "partial"}, "parameter_missing", "line_items"),
        ({"mode": "full", "flat_amount": "-5"}, None, "flat_amount"),
        ({"mode": "partial", "flat_amount": "5"}, "parameter_invalid_integer", "flat_amount"),
        ({"original_transaction": "tax_none"}, "resource_missing", "original_transaction"),
        (
            {"mode": "partial", "flat_amount": "-5", "shipping_cost[amount]": "-1", "shipping_cost[amount_tax]": "0"},
            None,
            "flat_amount",
        ),
        (
            {"mode": "partial", "shipping_cost[amount]": "-1", "shipping_cost[amount_tax]": "0"},
            None,
            "shipping_cost",
        ),
        (
            {
                "mode": "partial",
                "line_items[0][amount]": "-1",
                "line_items[0][amount_tax]": "0",
                "line_items[0][reference]": "L1",
                "line_items[0][original_line_item]": "tax_li_none",
            },
            None,
            "line_items[0][original_line_item]",
        ),
    ],
)
def test_a_wrong_reversal_is_named_and_nothing_is_reversed(
    own_server: FakeStripe, client: stripe.StripeClient, wrong: dict[str, str], code: str | None, param: str
) -> None:
    sale = sell(client, 1000, reference="one")
    params = {"mode": "full", "original_transaction": sale.id, "reference": "back", **wrong}
    status, body, _ = ask(own_server, "tax/transactions/create_reversal", params)
    assert (status, body["error"].get("code"), body["error"]["param"]) == (400, code, param)
    assert kept(own_server) == [("transaction", "one")]


def test_there_is_no_list_and_no_change(own_server: FakeStripe, client: stripe.StripeClient) -> None:
    sale = sell(client, 1000, reference="one")
    for method, path in (("GET", "tax/transactions"), ("POST", f"tax/transactions/{sale.id}")):
        status, _, _ = ask(own_server, path, method=method)
        assert status == 404 if method == "GET" else status in {404, 405}
    status, body, _ = ask(own_server, "tax/transactions/tax_none", method="GET")
    assert (status, body["error"]["code"]) == (404, "resource_missing")


def test_the_time_of_posting_lies_between_calculation_and_now(
    own_server: FakeStripe, client: stripe.StripeClient
) -> None:
    calculation = calculate(client, 1000)
    now = own_server.post("clock", {"advance": 60})["now"]
    for posted_at in (now + 3600, now - 3600):
        params: Any = {"calculation": calculation.id, "reference": "one", "posted_at": posted_at}
        with pytest.raises(stripe.InvalidRequestError, match="posted_at"):
            client.v1.tax.transactions.create_from_calculation(params)
    params = {"calculation": calculation.id, "reference": "one", "posted_at": now - 30}
    assert client.v1.tax.transactions.create_from_calculation(params).posted_at == now - 30


def test_a_lost_answer_is_repeated_under_its_key(own_server: FakeStripe, client: stripe.StripeClient) -> None:
    calculation = calculate(client, 1000)
    params: Any = {"calculation": calculation.id, "reference": "one"}
    own_server.faults({"match": "POST /v1/tax/transactions", "fault": "drop_after", "times": 1})
    with pytest.raises(stripe.APIConnectionError):
        client.v1.tax.transactions.create_from_calculation(params, {"idempotency_key": "k"})
    again = client.v1.tax.transactions.create_from_calculation(params, {"idempotency_key": "k"})
    assert [each["id"] for each in own_server.ledger()["tax_transactions"]] == [again.id]


def test_transactions_survive_a_kill(own_server: FakeStripe, client: stripe.StripeClient) -> None:
    sale = sell(client, 1000, reference="one")
    own_server.kill()
    own_server.start()
    client = own_server.client()
    assert client.v1.tax.transactions.retrieve(sale.id).reference == "one"
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        sell(client, 1000, reference="one")
