"""Write mails into the outbox: in the transaction of what they are about, so that both happen or neither does."""

from collections.abc import Sequence
from email.utils import parseaddr
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.mail import EmailMessage
from django.db import models, transaction
from django.db.models.functions import Now
from django.utils.translation import get_language

from backoffice.activity.record import record_all
from backoffice.enqueue import enqueue_on_commit
from backoffice.models import Activity
from customers.mail.content import html_of, text_of
from customers.models import Customer, Mail
from customers.tasks import send_mails


def write(message: EmailMessage, *, kind: Mail.Kind, about: models.Model | None = None) -> list[Mail]:
    """Write one row for each mailbox that a message goes to.

    Without `about`, a mail is about the customer of its e-mail, if there is one.
    """
    if message.attachments:
        raise ValueError("A mail of the outbox has a text and HTML, and no attachments.")
    return [_write(message, mailbox, kind, about) for mailbox in message.recipients()]


def write_password_reset(email: str) -> Mail:
    """Have a link that sets a new password sent to an e-mail, if it has an account.

    Whether it has one is looked up by the worker, so that neither the answer nor its time tells.
    """
    return _save(Mail(recipient=email, kind=Mail.Kind.PASSWORD_RESET))


def send_again(mail_ids: Sequence[int]) -> int:
    """Queue those of these mails that did not arrive, and whose text is still here; return how many."""
    again = {"status": Mail.Status.QUEUED, "next_attempt_at": Now(), "queued_at": Now(), "error": ""}
    with transaction.atomic():
        not_arrived = Mail.objects.filter(pk__in=mail_ids, status__in=Mail.NOT_ARRIVED, text_removed_at=None)
        mails = list(not_arrived.order_by("pk").defer("text", "html").select_for_update(no_key=True))
        Mail.objects.filter(pk__in=[mail.pk for mail in mails]).update(**again)
        record_all(act=Activity.Act.SENT_AGAIN, kind=Activity.Kind.MAIL, objects=mails)
        enqueue_on_commit(send_mails)
    return len(mails)


def _write(message: EmailMessage, mailbox: str, kind: Mail.Kind, about: models.Model | None) -> Mail:
    about = about or Customer.objects.with_email(parseaddr(mailbox)[1]).first()
    return _save(
        Mail(
            recipient=mailbox,
            sender=message.from_email,
            headers={name: str(value) for name, value in _headers(message).items()},
            kind=kind,
            subject=str(message.subject)[:400],
            text=text_of(message),
            html=html_of(message),
            about_type=ContentType.objects.get_for_model(about) if about else None,
            about_id=about.pk if about else None,
        )
    )


def _headers(message: EmailMessage) -> dict[str, str]:
    reply_to = {"Reply-To": ", ".join(map(str, message.reply_to))} if message.reply_to else {}
    return {**message.extra_headers, **reply_to}


def _save(mail: Mail) -> Mail:
    mail.language = get_language() or settings.LANGUAGE_CODE
    # Not make_msgid: the time and a pseudo-random number may be the same in two processes, and the id is unique.
    mail.message_id = f"<{uuid4()}@{urlsplit(settings.BASE_URL).hostname}>"
    mail.save()
    enqueue_on_commit(send_mails)
    return mail
