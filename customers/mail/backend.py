"""Django's e-mail backend of this project: whatever is sent by Django's own means becomes a row of the outbox."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction

from customers.mail import outbox
from customers.models import Mail


class OutboxBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        # What comes this way is about accounts and invitations. Its links are secrets, so any other kind must be named
        # by calling the outbox itself.
        with transaction.atomic():
            return sum(1 for message in email_messages if outbox.write(message, kind=Mail.Kind.ACCOUNT))
