"""Celery tasks of mail. They find their work in rows, so that a lost, late or doubled message changes nothing."""

import time

from celery import shared_task

from backoffice.enqueue import enqueue_on_commit
from customers.mail import delivery

TURN_SECONDS = 15


@shared_task(name="customers.send_mails")
def send_mails() -> None:
    """Send mails for a while, and enqueue the rest."""
    if delivery.send_due(until=time.monotonic() + TURN_SECONDS):
        enqueue_on_commit(send_mails)
