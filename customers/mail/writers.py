"""The text of a mail, where the worker writes it: just before the first attempt, from the rows as they are then.

Whoever has mails of a kind registers how they are written:

    writers.register(Mail.Kind.SHIPPED, write)  # write(mail) -> Content

in `AppConfig.ready`, since apps below know nothing of those above.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import translation

from backoffice import leases
from customers.accounts import password_reset_message
from customers.mail.content import html_of, text_of
from customers.mail.layout import html_of_text, without_signature
from customers.models import Customer, Mail

LEASE = timedelta(seconds=55)  # longer than any connection to the server lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a mail says; `data` is added to the mail's own: the names of its attachments, say.

    `then` is called in the transaction that keeps it.
    """

    subject: str
    text: str
    html: str
    data: Mapping[str, Any] = field(default_factory=dict)
    then: Callable[[], None] | None = None


class NotNeededError(Exception):
    """Nobody needs the mail any more, since what it was about has passed: its row is deleted."""


Writer = Callable[[Mail], Content]
"""Reads what the mail is about, outside any transaction. May raise NotNeededError, or `attachments.NotReadyError`."""

_writers: dict[str, Writer] = {}


def register(kind: str, writer: Writer) -> None:
    _writers[kind] = writer


def is_written(mail: Mail) -> bool:
    """Write what a leased mail lacks, once; False where it is not to be sent: gone, or another worker's by now."""
    with translation.override(mail.language):
        if not (mail.text or mail.html):
            try:
                return _write(mail)
            except NotNeededError:
                _delete(mail)
                return False
        if mail.text and not mail.html:
            mail.html = _laid_out(mail)
            return _save(mail, "html")
    return True


def _write(mail: Mail) -> bool:
    if mail.kind == Mail.Kind.PASSWORD_RESET:
        return _write_password_reset(mail)
    if mail.kind not in _writers:
        return True  # written empty, by its sender
    content = _writers[mail.kind](mail)
    mail.subject, mail.text, mail.html = content.subject[:400], content.text, content.html
    mail.data = {**mail.data, **content.data}
    with transaction.atomic():
        saved = _save(mail, "subject", "text", "html", "data")
        if saved and content.then:
            content.then()
    return saved


def _write_password_reset(mail: Mail) -> bool:
    """Write a link for a new password; False where the e-mail has no account, and the row is gone."""
    with transaction.atomic():
        message = password_reset_message(mail.recipient)
        if message is None:
            _delete(mail)
            return False
        mail.recipient, mail.sender = message.to[0], message.from_email
        mail.subject, mail.text = str(message.subject), text_of(message)
        mail.html = html_of(message) or _laid_out(mail)
        mail.about = Customer.objects.with_email(mail.recipient).first()
        return _save(mail, "recipient", "sender", "subject", "text", "html", "about_type", "about_id")


def _laid_out(mail: Mail) -> str:
    # What people write themselves may end in a signature of their own.
    return html_of_text(mail.subject, without_signature(mail.text) if mail.has_secrets else mail.text)


def _delete(mail: Mail) -> None:
    Mail.objects.filter(pk=mail.pk, attempts=mail.attempts).delete()


def _save(mail: Mail, *names: str) -> bool:
    # The lease begins anew: writing may have taken most of it, where an invoice was made and checked.
    return leases.release(mail, next_attempt_at=Now() + LEASE, **{name: getattr(mail, name) for name in names})
