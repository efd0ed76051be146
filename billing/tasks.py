"""Celery tasks of webhook events, documents and reconciliation."""

import time

from celery import shared_task

from backoffice import database_clock
from backoffice.enqueue import enqueue_on_commit
from billing import customer_updates, removals, tax_transactions
from billing.documents import make
from billing.reconciliation import run as reconciliation
from billing.webhooks import processing

TURN_SECONDS = 20


@shared_task(name="billing.process_event")
def process_event(*, event_id: int) -> None:
    """Process a stored webhook event, unless another worker has its lease."""
    processing.process_event(event_id=event_id, at=database_clock.now())


@shared_task(name="billing.update_customer")
def update_customer(*, update_id: int) -> None:
    """Send a customer's new e-mail to Stripe, unless that is done."""
    customer_updates.execute_update(update_id=update_id)


@shared_task(name="billing.remove_at_stripe")
def remove_at_stripe(*, removal_id: int) -> None:
    """Remove a card or a customer at Stripe, unless that is done."""
    removals.execute_removal(removal_id=removal_id)


@shared_task(name="billing.record_tax")
def record_tax(*, tax_transaction_id: int) -> None:
    """Have Stripe record a tax transaction, unless that is done."""
    tax_transactions.execute(tax_transaction_id=tax_transaction_id)


@shared_task(name="billing.make_documents")
def make_documents() -> None:
    """Make documents for a while, and enqueue the rest."""
    if make.make_due(until=time.monotonic() + TURN_SECONDS):
        enqueue_on_commit(make_documents)


@shared_task(name="billing.make_document")
def make_document(*, document_id: int) -> None:
    """Make one document that somebody waits for, unless that is done."""
    make.make_now(document_id)


@shared_task(name="billing.reconcile_nightly")
def reconcile_nightly() -> None:
    """Start or continue a reconciliation; beat calls it once a night."""
    enqueue_on_commit(reconcile, reconciliation_id=reconciliation.start_nightly().pk)


@shared_task(name="billing.reconcile")
def reconcile(*, reconciliation_id: int) -> None:
    """Work on a reconciliation for a while, and enqueue the rest."""
    if reconciliation.run_pass(reconciliation_id=reconciliation_id, until=time.monotonic() + TURN_SECONDS):
        enqueue_on_commit(reconcile, reconciliation_id=reconciliation_id)
