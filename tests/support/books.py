"""The two books, our rows and the fake Stripe's ledger, compared by the rules of how money stays right.

Our own rows are held against each other by the very queries of `reconcile`.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

from django.db import connection

from billing.models import Payment, Refund, TaxTransaction
from ecommerce.book_queries import QUERIES
from ecommerce.books import Violation
from ecommerce.models import OrderAct

DONE = ("pending", "succeeded")
# Connections that have the queries prepared: to plan all of them takes PostgreSQL longer than a whole test.
_prepared = WeakSet[Any]()


def differences(ledger: dict[str, Any]) -> list[str]:
    """Give a sentence for each breach of rules 1 to 7; an empty list is what every test wants."""
    return [*map(str, _violations()), *_rule_4(ledger), *_taxes(ledger)]


def _violations() -> Iterator[Violation]:
    is_pooled = connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]  # what is prepared is in another session then
    with connection.cursor() as cursor:
        if not is_pooled and connection.connection not in _prepared:
            cursor.execute(";".join(f"PREPARE {rule} AS {query}" for rule, query in QUERIES.items()))
            _prepared.add(connection.connection)
        for rule, query in QUERIES.items():
            cursor.execute(query if is_pooled else f"EXECUTE {rule}")
            for subject, what in cursor.fetchall():
                yield Violation(rule, str(subject), what)


def _rule_4(ledger: dict[str, Any]) -> list[str]:
    wrong = []
    theirs = {each["id"]: each for each in ledger["payment_intents"] if each["status"] == "succeeded"}
    ours = {payment.stripe_payment_intent_id: payment for payment in Payment.objects.all()}
    for intent_id, intent in theirs.items():
        payment = ours.get(intent_id)
        if payment is None or (payment.status != "succeeded" and payment.refundable):
            wrong.append(f"{intent_id}: {intent['amount']} taken, and no payment says so")
        elif payment.amount != intent["amount"]:
            wrong.append(f"{intent_id}: {intent['amount']} taken, {payment.amount} here")
    wrong += [
        f"payment {payment} says succeeded, Stripe does not"
        for payment in ours.values()
        if payment.status == "succeeded" and payment.stripe_payment_intent_id not in theirs
    ]
    return wrong + _refunds(ledger)


def _refunds(ledger: dict[str, Any]) -> list[str]:
    theirs = {each["id"]: each for each in ledger["refunds"]}
    ours = {
        refund.stripe_refund_id: refund for refund in Refund.objects.filter(settled_outside=False).exclude(amount=0)
    }
    wrong = [
        f"{each['id']}: {each['amount']} sent back, and no refund says so"
        for each in theirs.values()
        if each["status"] in DONE and (each["id"] not in ours or ours[each["id"]].status not in DONE)
    ]
    wrong += [
        f"refund {refund} says {refund.status}, Stripe does not"
        for refund in ours.values()
        if refund.status in DONE
        and (refund.stripe_refund_id not in theirs or theirs[refund.stripe_refund_id]["status"] not in DONE)
    ]
    by_intent: dict[str, int] = defaultdict(int)
    for each in theirs.values():
        by_intent[each["payment_intent"]] += each["amount"] if each["status"] in DONE else 0
    taken = {each["id"]: each["amount"] for each in ledger["payment_intents"]}
    return wrong + [
        f"{intent}: {sent} sent back of {taken[intent]}" for intent, sent in by_intent.items() if sent > taken[intent]
    ]


def _taxes(ledger: dict[str, Any]) -> list[str]:
    theirs = {each["id"]: each["reference"] for each in ledger.get("tax_transactions", [])}
    recorded = TaxTransaction.objects.filter(status=TaxTransaction.Status.RECORDED)
    ours = dict(recorded.values_list("stripe_id", "reference"))
    return [
        *(f"{key}: the tax of {theirs[key]} is recorded, and no row says so" for key in theirs.keys() - ours.keys()),
        *(f"{ours[key]} says its tax is recorded, Stripe does not" for key in ours.keys() - theirs.keys()),
    ]


def open_acts() -> int:
    """Count what is still in flight."""
    return OrderAct.objects.filter(closed_at=None).count()
