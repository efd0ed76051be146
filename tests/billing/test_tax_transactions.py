import io
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import gateway, gateway_tax, recovery, settlement, tax_parameters, tax_transactions
from billing.models import Refund, TaxTransaction
from billing.tasks import record_tax
from billing.tax_transactions import AdoptRefused, ReversedPart
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.tasks import sweep
from tests.support.factories import make_customer
from tests.support.order_acts import at_once
from tests.support.taxes import execute, paid_invoice, refund_of, request_for, sale

pytestmark = pytest.mark.django_db
NOW = timezone.now
Ledger = Callable[[], dict[str, Any]]
HOUR = 3600
COMMITTED = pytest.mark.django_db(transaction=True)
FAULTS: list[dict[str, Any]] = [
    *({"fault": "status", "status": status} for status in (409, 429, 500, 503)),
    *({"fault": fault} for fault in ("drop_before", "drop_after")),
]


@pytest.fixture
def later(empty_stripe: FakeStripeServer) -> Iterator[Callable[[int], object]]:
    """Give a way to set Stripe's clock ahead, by seconds."""
    yield lambda seconds: empty_stripe.post("clock", {"advance": seconds})
    empty_stripe.forget()


def command(*words: str) -> str:
    """Run the command, and give what it printed."""
    out = io.StringIO()
    call_command("tax_transactions", *words, stdout=out)
    return out.getvalue()


def part(reference: str, goods: int, tax: int, quantity: int = 1) -> ReversedPart:
    return ReversedPart(reference=reference, goods=goods, tax=tax, quantity=quantity)


def reversal(row: TaxTransaction, *parts: ReversedPart, shipping: ReversedPart | None = None) -> TaxTransaction:
    """Request the reversal of a refund of these parts."""
    given = [*parts, *([shipping] if shipping else [])]
    refund = refund_of(row, sum(each.goods + each.tax for each in given))
    found = tax_transactions.request_reversal(refund=refund, lines=parts, shipping=shipping, at=NOW())
    assert found
    return found


def recorded(ledger: Ledger) -> list[tuple[str, str]]:
    return [(each["type"], each["reference"]) for each in ledger()["tax_transactions"]]


def test_a_sale_is_recorded_once(ledger: Ledger) -> None:
    row = execute(sale(1000, 2000, shipping=500))
    assert (row.status, row.amount, row.tax, row.attention) == ("recorded", 4165, 665, "")
    assert (row.attempts, row.next_attempt_at, row.failure_code) == (1, None, "")
    assert row.closed_at
    found = gateway_tax.retrieve_tax_transaction(row.stripe_id or "")
    assert (found.gross, found.tax, found.type, found.original_id) == (4165, 665, "transaction", "")
    assert found.reference == row.reference == row.invoice.payments.get().stripe_payment_intent_id
    assert found.metadata["invoice"] == row.invoice.number
    assert row.lines == {line.reference: line.id for line in found.lines}
    assert set(row.lines) == {"L1", "L2"}
    execute(row)
    record_tax(tax_transaction_id=row.pk)
    assert recorded(ledger) == [("transaction", row.reference)]


def test_a_sale_is_requested_once() -> None:
    calculation = gateway_tax.calculate(request_for(1000))
    invoice, payment = paid_invoice(calculation)
    rows = [
        tax_transactions.request_transaction(invoice=invoice, payment=payment, calculation_id=calculation.id, at=NOW())
        for _ in range(2)
    ]
    assert rows[0] == rows[1]
    with pytest.raises(IntegrityError, match="taxtrans_one_sale"), transaction.atomic():
        TaxTransaction.objects.create(
            kind="transaction", invoice=invoice, reference="another", amount=1, tax=0, currency="eur"
        )


def test_a_sale_without_a_charge_is_known_by_its_invoice() -> None:
    calculation = gateway_tax.calculate(request_for(0))
    invoice, _payment = paid_invoice(gateway_tax.calculate(request_for(1000)))
    row = tax_transactions.request_transaction(invoice=invoice, payment=None, calculation_id=calculation.id, at=NOW())
    assert row.reference == invoice.number


def test_a_sale_of_prices_that_include_tax_and_its_refund(ledger: Ledger) -> None:
    row = execute(sale(11900, included=True))
    assert (row.status, row.amount, row.tax, row.attention) == ("recorded", 11900, 1900, "")
    back = execute(reversal(row, part("L1", 5000, 950)))
    assert (back.status, back.attention) == ("recorded", "")
    (line,) = gateway_tax.retrieve_tax_transaction(back.stripe_id or "").lines
    assert (line.amount, line.tax) == (-5950, -950)


def test_refunds_take_back_lines_and_shipping_to_the_last_cent(ledger: Ledger) -> None:
    row = execute(sale(1000, 2000, shipping=500))
    first = execute(reversal(row, part("L1", 400, 76), part("L2", 1000, 190, quantity=2)))
    rest = execute(reversal(row, part("L1", 600, 114), part("L2", 1000, 190), shipping=part("", 500, 95)))
    assert [each.status for each in (first, rest)] == ["recorded", "recorded"]
    assert (first.amount, first.tax, rest.amount, rest.tax) == (1666, 266, 2499, 399)
    there = [gateway_tax.retrieve_tax_transaction(each.stripe_id or "") for each in (first, rest)]
    assert [(each.type, each.original_id, each.reference) for each in there] == [
        ("reversal", row.stripe_id, first.refund.stripe_refund_id if first.refund else ""),
        ("reversal", row.stripe_id, rest.refund.stripe_refund_id if rest.refund else ""),
    ]
    assert sum(each.gross for each in there) == -row.amount
    assert sum(each.tax for each in there) == -row.tax
    assert there[1].shipping
    assert (there[1].shipping.amount, there[1].shipping.tax) == (-500, -95)


def test_a_refund_is_reversed_once_and_only_where_its_sale_is_recorded(ledger: Ledger) -> None:
    row = execute(sale(1000))
    refund = refund_of(row, 119)
    asked: Any = {"refund": refund, "lines": [part("L1", 100, 19)], "at": NOW()}
    assert tax_transactions.request_reversal(**asked)
    assert tax_transactions.request_reversal(**asked) is None
    _invoice, payment = paid_invoice(gateway_tax.calculate(request_for(1000)))
    refund.pk, refund.uuid, refund.stripe_refund_id, refund.payment = None, payment.uuid, "re_none", payment
    refund.save(force_insert=True)
    assert tax_transactions.request_reversal(**asked) is None
    assert TaxTransaction.objects.filter(kind="reversal").count() == 1


def test_many_refunds_are_requested_in_a_few_statements(django_assert_num_queries: Any) -> None:
    rows = [sale(1000) for _ in range(3)]
    reversals = [tax_transactions.Reversal(refund=refund_of(row, 119), lines=[part("L1", 100, 19)]) for row in rows]
    with django_assert_num_queries(3):
        made = tax_transactions.request_reversals(reversals=reversals, at=NOW())
    assert {each.original_id for each in made} == {row.pk for row in rows}


def test_a_refund_waits_for_its_sale(ledger: Ledger) -> None:
    row = sale(1000)
    back = reversal(row, part("L1", 1000, 190))
    assert execute(back).attempts == 0
    execute(row)
    assert execute(back).status == "recorded"
    assert [kind for kind, _reference in recorded(ledger)] == ["transaction", "reversal"]


def test_a_refund_that_failed_is_taken_back_and_can_be_given_again(ledger: Ledger) -> None:
    row = execute(sale(1000))
    back = execute(reversal(row, part("L1", 1000, 190)))
    assert back.refund
    undone = tax_transactions.request_undo(refund=back.refund, at=NOW())
    assert tax_transactions.request_undo(refund=back.refund, at=NOW()) == undone
    undone = execute(undone)
    assert (undone.status, undone.reference, undone.attention) == ("recorded", f"{back.reference}-failed", "")
    assert gateway_tax.retrieve_tax_transaction(undone.stripe_id or "").gross == 1190
    Refund.objects.update(status="failed")
    assert execute(reversal(row, part("L1", 1000, 190))).status == "recorded"
    assert tax_transactions.request_undo(refund=refund_of(execute(sale(1000)), 100), at=NOW()) is None


def test_an_order_of_many_lines_keeps_the_id_of_each(fake_stripe: FakeStripeServer, ledger: Ledger) -> None:
    row = sale(*range(1000, 1025))
    fake_stripe.faults({"match": "GET /v1/tax/transactions", "fault": "status", "status": 500, "times": 1})
    row = execute(row)
    assert (row.status, row.answered_5xx, row.postponed) == ("requested", False, True)
    row = execute(row)  # under the same key: what failed was to read the lines
    assert (row.status, row.generation, len(row.lines)) == ("recorded", 0, 25)
    assert execute(reversal(row, part("L25", 100, 19))).status == "recorded"
    assert len(recorded(ledger)) == 2


# What Stripe refuses, and when it is away


def test_a_calculation_that_is_none_is_a_final_no(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    row = sale(1000)
    TaxTransaction.objects.update(calculation_id="taxcalc_none")
    with caplog.at_level(logging.ERROR, "billing.tax_transactions"):
        row = execute(row)
    assert (row.status, row.failure_code, row.next_attempt_at) == ("failed", "resource_missing", None)
    assert "No such tax calculation" in row.attention
    assert row.closed_at
    assert recorded(ledger) == []
    sweep()
    assert execute(row).attempts == 1
    TaxTransaction.objects.update(calculation_id=gateway_tax.calculate(request_for(1000)).id)
    assert "No such tax calculation" in command(row.reference)
    assert command(row.reference, "--send-again") == f"{row.reference} is sent within a minute.\n"
    row = execute(row)
    assert (row.status, row.attention, row.failure_message) == ("recorded", "", "")
    with pytest.raises(CommandError, match="is recorded"):
        command(row.reference, "--send-again")
    assert command() == "0 wait for a person.\n"
    assert recorded(ledger) == [("transaction", row.reference)]


def test_more_than_was_sold_is_not_taken_back(ledger: Ledger) -> None:
    row = execute(sale(1000))
    back = execute(reversal(row, part("L1", 999, 191)))
    assert (back.status, "greater than what is left" in back.attention) == ("failed", True)
    assert recorded(ledger) == [("transaction", row.reference)]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
@pytest.mark.parametrize("kind", ["sale", "reversal", "undo"])
def test_whatever_stripe_does_each_is_recorded_once(
    fake_stripe: FakeStripeServer, ledger: Ledger, fault: dict[str, Any], kind: str
) -> None:
    row = sale(1000)
    if kind != "sale":
        row = reversal(execute(row), part("L1", 1000, 190))
    if kind == "undo":
        refund = execute(row).refund
        assert refund
        undo = tax_transactions.request_undo(refund=refund, at=NOW())
        assert undo
        row = undo
    fake_stripe.faults({"match": "POST /v1/tax/transactions", "times": 1, **fault})
    row = execute(row)
    assert (row.status, row.attention, row.closed_at) == ("requested", "", None)
    assert row.next_attempt_at
    row = execute(row)
    stored = fault.get("status", 0) >= 500
    assert (row.status, row.attempts, row.generation) == ("recorded", 2, int(stored))
    assert sum(reference == row.reference for _type, reference in recorded(ledger)) == 1


def test_a_key_that_stripe_refuses_fails_nothing(fake_stripe: FakeStripeServer) -> None:
    row = sale(1000)
    fake_stripe.faults({"match": "POST /v1/tax/transactions", "fault": "status", "status": 401, "times": 1})
    with pytest.raises(gateway.Misconfigured):
        execute(row)
    assert execute(row).status == "recorded"


def test_an_answer_that_is_not_understood_is_a_persons_after_five_times(fake_stripe: FakeStripeServer) -> None:
    row = sale(1000)
    fake_stripe.faults({"match": "POST /v1/tax/transactions", "fault": "status", "status": 402})
    for _ in range(5):
        row = execute(row)
    assert (row.status, row.next_attempt_at, row.unexpected) == ("requested", None, 5)
    assert "not understood 5 times" in row.attention
    fake_stripe.clear()
    assert tax_transactions.send_again(tax_transaction_id=row.pk)
    assert execute(row).status == "recorded"


def test_what_stripe_has_under_this_reference_is_never_recorded_again(
    empty_stripe: FakeStripeServer, later: Callable[[int], object]
) -> None:
    row = sale(1000)
    empty_stripe.faults({"match": "POST /v1/tax/transactions", "fault": "drop_after", "times": 1})
    execute(row)
    later(25 * HOUR)  # Stripe has forgotten the key
    row = execute(row)
    assert (row.status, row.next_attempt_at, row.closed_at) == ("requested", None, None)
    assert "may have recorded it before" in row.attention
    assert row.reference in row.attention
    assert command().startswith(f"{row.reference}  order {row.invoice.reference}  Sale  Stripe refuses")
    (there,) = empty_stripe.ledger()["tax_transactions"]

    other = execute(sale(1000))
    with pytest.raises(CommandError, match="not of"):
        command(row.reference, "--adopt", other.stripe_id or "")
    with pytest.raises(CommandError, match="has no tax transaction"):
        command(row.reference, "--adopt", "tax_none")
    row.refresh_from_db()
    assert row.status == "requested"
    assert command(row.reference, "--adopt", there["id"]) == f"{row.reference} is {there['id']} at Stripe.\n"
    row.refresh_from_db()
    assert (row.status, row.stripe_id, row.attention, set(row.lines)) == ("recorded", there["id"], "", {"L1"})
    with pytest.raises(AdoptRefused, match="already"):
        tax_transactions.adopt(tax_transaction_id=row.pk, stripe_id=there["id"])
    assert execute(reversal(row, part("L1", 1000, 190))).status == "recorded"


def test_a_reference_that_another_database_used_is_a_persons(ledger: Ledger) -> None:
    first, second = execute(sale(1000)), sale(1000)
    TaxTransaction.objects.filter(pk=first.pk).update(reference="moved away")
    TaxTransaction.objects.filter(pk=second.pk).update(reference=first.reference)
    second = execute(second)
    assert (second.status, second.closed_at, second.next_attempt_at) == ("requested", None, None)
    assert "may have recorded it before" in second.attention
    assert len(recorded(ledger)) == 1


def test_a_sale_that_is_sent_late_counts_to_the_day_of_its_payment(later: Callable[[int], object]) -> None:
    assert "posted_at" not in execute(sale(1000)).params
    row = sale(1000)
    at = NOW() + timedelta(seconds=1)
    TaxTransaction.objects.filter(pk=row.pk).update(requested_at=at)
    later(2 * HOUR)
    (leased,) = settlement.claim_operations(TaxTransaction.objects.filter(pk=row.pk))
    leased.leased_at = at + timedelta(hours=2)
    params = tax_parameters.of(leased)
    assert params["posted_at"] == int(at.timestamp())
    there = gateway_tax.create_tax_transaction(params=params, key="late")
    found = gateway.client().v1.tax.transactions.retrieve(there.id)
    assert (found.posted_at, found.created - found.posted_at > 7000) == (int(at.timestamp()), True)


def test_a_day_of_payment_that_stripe_does_not_take_is_left_out(ledger: Ledger) -> None:
    row = sale(1000)
    # As if it was paid before it was calculated.
    TaxTransaction.objects.filter(pk=row.pk).update(requested_at=NOW() - timedelta(hours=2))
    row = execute(row)
    assert (row.status, row.attention, row.generation, "posted_at" in row.params) == ("requested", "", 1, False)
    assert execute(row).status == "recorded"
    assert recorded(ledger) == [("transaction", row.reference)]


def test_what_stripe_recorded_otherwise_is_said(ledger: Ledger) -> None:
    row = sale(1000)
    TaxTransaction.objects.filter(pk=row.pk).update(tax=189)
    row = execute(row)
    assert (row.status, "EUR 1.90" in row.attention, "EUR 1.89" in row.attention) == ("recorded", True, True)


# Workers


@COMMITTED
def test_two_workers_at_once_record_one(ledger: Ledger) -> None:
    make_customer()
    row = sale(1000)
    assert at_once(*[lambda: tax_transactions.execute(tax_transaction_id=row.pk)] * 4) == ["done"] * 4
    row.refresh_from_db()
    assert (row.status, row.attempts) == ("recorded", 1)
    assert len(recorded(ledger)) == 1


@COMMITTED
def test_the_sweep_records_what_lost_its_message(ledger: Ledger) -> None:
    row = sale(1000)
    back = reversal(row, part("L1", 1000, 190))
    sweep()
    assert set(TaxTransaction.objects.values_list("pk", "status")) == {(row.pk, "recorded"), (back.pk, "recorded")}
    assert [kind for kind, _reference in recorded(ledger)] == ["transaction", "reversal"]


def test_the_first_answer_wakes_what_waits_for_stripe(
    fake_stripe: FakeStripeServer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "_woken_at", float("-inf"))
    rows = [sale(1000) for _ in range(3)]
    fake_stripe.faults({"match": "POST /v1/tax/transactions", "fault": "status", "status": 503})
    assert all(execute(row).postponed for row in rows)
    TaxTransaction.objects.update(next_attempt_at=NOW() + timedelta(minutes=5))
    fake_stripe.clear()
    execute(rows[0])
    for row in rows[1:]:
        tax_transactions.execute(tax_transaction_id=row.pk)  # due by now, without the helper
    assert set(TaxTransaction.objects.values_list("status", flat=True)) == {"recorded"}
    assert len(recorded(ledger)) == 3


@COMMITTED
def test_nothing_is_sent_in_a_transaction() -> None:
    row = sale(1000)
    with transaction.atomic(), pytest.raises(RuntimeError):
        gateway_tax.create_tax_transaction(params={}, key="x")
    assert row.attempts == 0
