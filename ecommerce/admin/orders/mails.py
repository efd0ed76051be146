"""The mails of an order on its page: what went out, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.http import HttpRequest
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from backoffice.badges import tone
from customers.models import Mail
from ecommerce.admin.display import Badge, format_time
from ecommerce.models import Order

MAX_MAILS = 50
COLUMNS = ("id", "subject", "kind", "status", "recipient", "error")
TIMES = ("sent_at", "created_at", "delivered_at", "text_removed_at")


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


def mail_rows() -> ArraySubquery:
    """Read the mails of an order in the statement that reads the order, newest first.

    Those about a note go to colleagues, and are no mails to the customer.
    """
    of_order = Mail.objects.filter(about_type=ContentType.objects.get_for_model(Order), about_id=OuterRef("pk"))
    shown = of_order.exclude(kind=Mail.Kind.MENTION).order_by("-pk")
    return ArraySubquery(shown.values(json=JSONObject(**{name: name for name in (*COLUMNS, *TIMES)}))[:MAX_MAILS])


def mails_of(request: HttpRequest, order: Any) -> list[MailRow]:
    """Return the mails of an order that was read with `mail_rows`."""
    user: Any = request.user
    if not user.has_perm("customers.view_mail"):
        return []
    may_send = bool(settings.MAIL_BACKEND) and user.has_perm("customers.resend_mail")
    return [_row(_mail(each), may_send=may_send) for each in order.mail_rows]


def _mail(columns: Mapping[str, Any]) -> Mail:
    times = {name: parse_datetime(columns[name]) if columns[name] else None for name in TIMES}
    return Mail(**{**columns, **times})


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
