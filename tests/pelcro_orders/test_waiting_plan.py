"""What is due is found by indexes, whatever rows that are done hold."""

import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from billing.models import Payment, Refund
from pelcro_orders.monitoring import waiting


@pytest.fixture
def _closed_ones_are_due(transactional_db: None) -> None:
    """As a copy of old rows has it: each row that is closed has a next attempt, and none is open."""
    call_command("generate_orders", "2000", stdout=StringIO())
    for model in (Payment, Refund):
        model.objects.update(next_attempt_at=Now())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE billing_payment, billing_refund")


@pytest.mark.usefixtures("_closed_ones_are_due")
def test_no_metric_reads_all_payments_or_refunds_for_those_that_are_due() -> None:
    with CaptureQueriesContext(connection) as queries:
        found = {each.queue.kind: each.count for each in waiting.waiting()}
    assert (found["payment"], found["refund"]) == (0, 0)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {queries[0]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert re.findall(r"Seq Scan on billing_(?:payment|refund)\b", plan) == []
    assert {"payment_open_due", "refund_open_due"} <= set(re.findall(r"\w+_due", plan))
