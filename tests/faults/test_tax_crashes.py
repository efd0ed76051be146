"""What Stripe Tax records, when the process that has it recorded dies between any two steps."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from billing import tax_transactions
from billing.models import TaxTransaction
from billing.tax_transactions import ReversedPart
from ecommerce.tasks import sweep
from tests.faults.crashing import crashes
from tests.support.taxes import execute, refund_of, sale

pytestmark = pytest.mark.django_db(transaction=True)
Ledger = Callable[[], dict[str, Any]]


@pytest.fixture(params=[3, pytest.param(1, marks=pytest.mark.full)], ids=["some steps", "every step"])
def stride(request: pytest.FixtureRequest) -> int:
    """Give how many steps lie between two crashes."""
    steps: int = request.param
    return steps


def recover() -> None:
    """Do what the sweep does within a minute, now: leases run out, and what is due is recorded."""
    TaxTransaction.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=timezone.now())
    sweep()


def check_once(ledger: Ledger) -> None:
    """Each row is recorded, and each at Stripe has its row: once."""
    there = ledger()["tax_transactions"]
    ours = TaxTransaction.objects.all()
    assert {row.status for row in ours} == {"recorded"}
    assert {row.stripe_id for row in ours} == {each["id"] for each in there}
    assert set(Counter(each["reference"] for each in there).values()) == {1}
    assert all(row.attention == "" for row in ours)


def test_a_sale_is_recorded_once_whatever_the_step_of_the_crash(stride: int, ledger: Ledger) -> None:
    rows = [sale(1000)]
    for _number in crashes(lambda: tax_transactions.execute(tax_transaction_id=rows[-1].pk), stride=stride):
        recover()
        check_once(ledger)
        rows.append(sale(1000))
    check_once(ledger)
    assert len(rows) > 8 // stride


def test_a_refund_is_taken_back_once_whatever_the_step_of_the_crash(stride: int, ledger: Ledger) -> None:
    def refunded() -> TaxTransaction:
        row = execute(sale(1000))
        lines = [ReversedPart(reference="L1", goods=500, tax=95)]
        back = tax_transactions.request_reversal(refund=refund_of(row, 595), lines=lines, at=timezone.now())
        assert back
        return back

    rows = [refunded()]
    for _number in crashes(lambda: tax_transactions.execute(tax_transaction_id=rows[-1].pk), stride=stride):
        recover()
        check_once(ledger)
        rows.append(refunded())
    check_once(ledger)
    assert len(rows) > 8 // stride
