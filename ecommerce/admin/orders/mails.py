"""The mails of an order on its page: what went out, and what became of it."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest
from django.urls import reverse

from backoffice.badges import tone
from customers.models import Mail
from ecommerce.admin.display import Badge, format_time
from ecommerce.models import Order

MAX_MAILS = 50


@dataclass(frozen=True, slots=True)
class MailRow:
    pk: int
    subject: str
    kind: str
    status: Badge
    to: str
    when: str
    why: str
    url: str
    again_url: str  # "" where it may not be sent again


def mails_of(request: HttpRequest, order: Order) -> list[MailRow]:
    """Newest first; those about a note go to colleagues, and are no mails to the customer."""
    user: Any = request.user
    if not user.has_perm("customers.view_mail"):
        return []
    of_order = Mail.objects.filter(about_type=ContentType.objects.get_for_model(Order), about_id=order.pk)
    mails = of_order.exclude(kind=Mail.Kind.MENTION).defer("text", "html", "headers").order_by("-pk")[:MAX_MAILS]
    may_send = bool(settings.MAIL_BACKEND) and user.has_perm("customers.resend_mail")
    return [_row(mail, may_send=may_send) for mail in mails]


def _row(mail: Mail, *, may_send: bool) -> MailRow:
    again = may_send and mail.may_be_sent_again
    return MailRow(
        pk=mail.pk,
        subject=str(mail),
        kind=mail.get_kind_display(),
        status=Badge(mail.state, tone(mail.status)),
        to=mail.recipient,
        when=format_time(mail.sent_at or mail.created_at),
        why=mail.error,
        url=reverse("admin:customers_mail_change", args=[mail.pk]),
        again_url=reverse("admin:customers_mail_again", args=[mail.pk]) if again else "",
    )
