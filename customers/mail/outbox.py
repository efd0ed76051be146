"""Write mails into the outbox: in the transaction of what they are about, so that both happen or neither does."""

from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

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


def write(
    message: EmailMessage,
    *,
    kind: Mail.Kind,
    about: models.Model | None = None,
    key: UUID | None = None,
    data: Mapping[str, Any] | None = None,
) -> list[Mail]:
    """Write one row for each mailbox that a message goes to.

    Without `about`, a mail is about the customer of its e-mail, if there is one. `key` names a mail to one mailbox
    that is not to be written twice; `data` names what is attached.
    """
    if message.attachments:
        raise ValueError("A mail of the outbox has a text and HTML, and no attachments.")
    more = {"message_id": _message_id(key) if key else "", "data": dict(data or {})}
    return [_write(message, mailbox, kind, about, more) for mailbox in message.recipients()]


def is_written(key: UUID) -> bool:
    return Mail.objects.filter(message_id=_message_id(key)).exists()


def _message_id(key: UUID) -> str:
    return f"<{key}@{urlsplit(settings.BASE_URL).hostname}>"


def write_password_reset(email: str) -> Mail:
    """Have a link that sets a new password sent to an e-mail, if it has an account.

    Whether it has one is looked up by the worker, so that neither the answer nor its time tells.
    """
    return _save(Mail(recipient=email, kind=Mail.Kind.PASSWORD_RESET))


def send_again(mail_ids: Sequence[int]) -> int:
    """Send these mails again; return how many.

    One that did not arrive is queued again. Of one that did, or whose customer has another e-mail by now, a copy is
    sent there: what went out stays as it was. Left out are those that wait, those whose text was removed, and links
    of accounts that arrived.
    """
    with transaction.atomic():
        chosen = Mail.objects.filter(pk__in=mail_ids).order_by("pk").select_for_update(no_key=True)
        mails = [mail for mail in chosen if mail.may_be_sent_again]
        for mail in mails:
            email = _present_email(mail)
            if mail.status in Mail.NOT_ARRIVED and not email:
                Mail.objects.filter(pk=mail.pk).update(**AGAIN)
            else:
                _copy(mail, email or mail.recipient)
        record_all(act=Activity.Act.SENT_AGAIN, kind=Activity.Kind.MAIL, objects=mails)
        enqueue_on_commit(send_mails)
    return len(mails)


AGAIN = {
    "status": Mail.Status.QUEUED,
    **dict.fromkeys(("next_attempt_at", "queued_at"), Now()),
    **dict.fromkeys(("error", "provider_id"), ""),
    **dict.fromkeys(("delivered_at", "bounced_at", "dismissed_at", "sent_at"), None),
    "is_mass": False,
}


def dismiss(mail_ids: Sequence[int]) -> int:
    """Have mails that did not arrive need attention no more; return how many."""
    with transaction.atomic():
        found = Mail.objects.filter(pk__in=mail_ids, status__in=Mail.UNWANTED, dismissed_at=None)
        mails = list(found.order_by("pk").defer("text", "html").select_for_update(no_key=True))
        Mail.objects.filter(pk__in=[mail.pk for mail in mails]).update(dismissed_at=Now())
        record_all(act=Activity.Act.ENDED, kind=Activity.Kind.MAIL, objects=mails)
    return len(mails)


def _present_email(mail: Mail) -> str:
    """Return the e-mail of the customer whom a mail went to, if it is another one by now."""
    customer = getattr(mail.about, "customer", mail.about)
    if mail.has_secrets or mail.kind == Mail.Kind.MENTION or not isinstance(customer, Customer):
        return ""
    return "" if customer.email_key == mail.recipient_key or customer.erased_at else customer.email


def _copy(mail: Mail, email: str) -> None:
    same = ("sender", "headers", "kind", "language", "subject", "text", "html", "data", "about_type_id", "about_id")
    _save(Mail(recipient=email, **{name: getattr(mail, name) for name in same}))
    Mail.objects.filter(pk=mail.pk, status__in=Mail.UNWANTED).update(dismissed_at=Now())


def _write(
    message: EmailMessage, mailbox: str, kind: Mail.Kind, about: models.Model | None, more: Mapping[str, Any]
) -> Mail:
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
            **more,
        )
    )


def _headers(message: EmailMessage) -> dict[str, str]:
    reply_to = {"Reply-To": ", ".join(map(str, message.reply_to))} if message.reply_to else {}
    return {**message.extra_headers, **reply_to}


def _save(mail: Mail) -> Mail:
    mail.language = mail.language or get_language() or settings.LANGUAGE_CODE
    # Not make_msgid: the time and a pseudo-random number may be the same in two processes, and the id is unique.
    mail.message_id = mail.message_id or _message_id(uuid4())
    mail.save()
    enqueue_on_commit(send_mails)
    return mail
