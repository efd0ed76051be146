"""The tasks that remove what is old: a turn each, which enqueues the next one while anything is left."""

import time
from collections.abc import Sequence

from celery import shared_task

from backoffice import database_clock
from backoffice.enqueue import enqueue_on_commit
from backoffice.retention import named
from backoffice.retention import remove_old as remove
from ecommerce import notes
from ecommerce.bulk_jobs import export
from ecommerce.retention.table import RULES

TURN_SECONDS = 15
FILES = ("exports", "uploads")


@shared_task(name="ecommerce.remove_old")
def remove_old(*, kinds: Sequence[str] | None = None) -> None:
    """Remove what is old, of these kinds or of all; beat calls it once a night."""
    rules = RULES if kinds is None else named(RULES, kinds)
    left = remove(rules, until=time.monotonic() + TURN_SECONDS)
    if left:
        enqueue_on_commit(remove_old, kinds=left)


@shared_task(name="ecommerce.remove_old_exports")
def remove_old_exports() -> None:
    """Remove files that are old, or that a crash left behind; beat calls it once an hour."""
    export.delete_all_unfinished()
    notes.remove_orphans(at=database_clock.now())
    remove_old(kinds=FILES)


# What the beat of an earlier release calls.


@shared_task(name="billing.remove_old_payloads")
def remove_old_payloads() -> None:
    """Remove what Stripe's events said, and card attempts."""
    remove_old(kinds=("webhook_payloads", "card_attempts"))


@shared_task(name="customers.remove_old_mail_texts")
def remove_old_mail_texts() -> None:
    """Remove the texts of mails whose links are secrets."""
    remove_old(kinds=("account_mail_texts",))


@shared_task(name="ecommerce.remove_old_webhooks")
def remove_old_webhooks() -> None:
    """Remove what was delivered long ago."""
    remove_old(kinds=("webhook_deliveries",))
