from datetime import timedelta

import pytest
from django.utils import timezone

from billing import gateway_tax, tax_transactions
from billing.models import Difference, Reconciliation, TaxTransaction
from billing.reconciliation import run as reconciliation
from billing.reconciliation import taxes
from billing.tax_transactions import ReversedPart
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Order
from tests.support.order_acts import fresh, paid, payment_of
from tests.support.taxes import execute, refund_of, request_for, sale

pytestmark = pytest.mark.django_db
NOW = timezone.now


@pytest.fixture(autouse=True)
def _own_stripe(empty_stripe: FakeStripeServer) -> None:
    """Reconciling reads the whole books."""


def reconciled(*, whole: bool = True) -> Reconciliation:
    """Run one pass to its end."""
    pass_ = reconciliation.start(since=None if whole else NOW() - timedelta(days=1))
    while reconciliation.run_pass(reconciliation_id=pass_.pk, until=float("inf")):
        pass
    pass_.refresh_from_db()
    assert pass_.phase == "done"
    return pass_


def taxed(order: Order) -> TaxTransaction:
    """Have the tax of a paid order recorded: none of it, since it was not priced with any."""
    invoice = fresh(order).invoice
    assert invoice
    calculation = gateway_tax.calculate(request_for(invoice.total, category="exempt", currency=invoice.currency))
    return tax_transactions.request_transaction(
        invoice=invoice, payment=payment_of(order), calculation_id=calculation.id, at=NOW()
    )


def found() -> list[tuple[str, str]]:
    return list(Difference.objects.filter(resolved_at=None).order_by("pk").values_list("kind", "stripe_id"))


def test_what_agrees_is_compared_once(empty_stripe: FakeStripeServer) -> None:
    row = execute(taxed(paid()))
    back = refund_of(row, 100)
    requested = tax_transactions.request_reversal(
        refund=back, lines=[ReversedPart(reference="L1", goods=100, tax=0)], at=NOW()
    )
    execute(requested)
    assert taxes.check_page(Reconciliation.objects.create()) == ""
    assert TaxTransaction.objects.filter(compared_at=None).count() == 0
    assert found() == []
    empty_stripe.faults({"match": "GET /v1/tax", "fault": "status", "status": 500})
    assert taxes.check_page(Reconciliation.objects.create()) == ""


def test_what_is_on_its_way_is_not_missing() -> None:
    taxed(paid())
    reconciled()
    assert found() == []
    assert TaxTransaction.objects.get().compared_at is None


def test_what_stripe_does_not_have_is_a_difference_of_its_order() -> None:
    order = paid()
    row = execute(taxed(order))
    TaxTransaction.objects.update(stripe_id="tax_none")
    reconciled()
    assert found() == [("tax_missing", "tax_none")]
    difference = Difference.objects.get()
    assert difference.payment == payment_of(order)
    assert "USD 0.00 of USD 15.00" in difference.sentence
    assert "is not recorded at Stripe" in fresh(order).attention
    TaxTransaction.objects.update(stripe_id=row.stripe_id)
    reconciled(whole=False)
    assert found() == []
    assert fresh(order).attention == ""


def test_what_differs_at_stripe_is_a_difference_until_it_agrees() -> None:
    order = paid()
    row = execute(taxed(order))
    TaxTransaction.objects.update(amount=1400)
    reconciled()
    assert found() == [("tax_differs", row.stripe_id)]
    assert "USD 15.00" in Difference.objects.get().sentence
    reconciled(whole=False)
    assert found() == [("tax_differs", row.stripe_id)]
    TaxTransaction.objects.update(amount=1500)
    reconciled(whole=False)
    assert found() == []


@pytest.mark.parametrize("case", ["late", "refused"])
def test_what_was_never_recorded_is_a_difference_with_its_reason(case: str) -> None:
    row = taxed(paid())
    if case == "late":
        TaxTransaction.objects.update(requested_at=NOW() - timedelta(hours=2))
    else:
        TaxTransaction.objects.update(calculation_id="taxcalc_none")
        execute(row)
    reconciled()
    assert found() == [("tax_missing", str(row.uuid))]
    assert ("No such tax calculation" in Difference.objects.get().sentence) is (case == "refused")
    TaxTransaction.objects.update(
        calculation_id=gateway_tax.calculate(request_for(1500, category="exempt", currency="usd")).id
    )
    TaxTransaction.objects.update(requested_at=NOW())
    tax_transactions.send_again(tax_transaction_id=row.pk)
    execute(row)
    reconciled(whole=False)
    assert found() == []


def test_a_stripe_that_is_away_is_waited_for(empty_stripe: FakeStripeServer) -> None:
    execute(taxed(paid()))
    empty_stripe.faults({"match": "GET /v1/tax", "fault": "status", "status": 503})
    pass_ = reconciliation.start()
    assert not reconciliation.run_pass(reconciliation_id=pass_.pk, until=float("inf"))
    pass_.refresh_from_db()
    assert (pass_.phase, pass_.finished_at, found()) == ("our_taxes", None, [])


def test_pages_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.reconciliation.records.PAGE", 2)
    for _ in range(5):
        execute(sale(1000))
    pass_ = Reconciliation.objects.create()
    for _ in range(3):
        pass_.after = taxes.check_page(pass_)
    assert (pass_.after, pass_.compared) == ("", 5)
    assert TaxTransaction.objects.filter(compared_at=None).count() == 0
