"""The two bodies of a message, and a message of a row."""

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from customers.mail.attachments import attachments_of
from customers.mail.models import Mail

HTML = "text/html"


def text_of(message: EmailMessage) -> str:
    return "" if message.content_subtype == "html" else str(message.body)


def html_of(message: EmailMessage) -> str:
    if message.content_subtype == "html":
        return str(message.body)
    alternatives = getattr(message, "alternatives", [])
    return next((str(each.content) for each in alternatives if each.mimetype == HTML), "")


def message_of(mail: Mail, connection: BaseEmailBackend) -> EmailMessage:
    """Make the message with what is attached; raise `attachments.NotReadyError`."""
    message = _with_text(mail, connection)
    for each in attachments_of(mail):
        message.attach(each.name, each.content, each.content_type)
    return message


def _with_text(mail: Mail, connection: BaseEmailBackend) -> EmailMessage:
    headers = {**mail.headers, "Message-ID": mail.message_id}
    sender = mail.sender or None
    options: dict[str, object] = {"connection": connection, "headers": headers}
    if mail.html and not mail.text:
        message = EmailMessage(mail.subject, mail.html, sender, [mail.recipient], **options)  # type: ignore[arg-type]
        message.content_subtype = "html"
        return message
    both = EmailMultiAlternatives(mail.subject, mail.text, sender, [mail.recipient], **options)  # type: ignore[arg-type]
    if mail.html:
        both.attach_alternative(mail.html, HTML)
    return both
