"""What of mails is removed, and after how long."""

from datetime import timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.retention import Rule, of_rows, older
from customers.mail.attention import NEEDS_ATTENTION
from customers.models import Mail

CAME_BACK = (Mail.Status.BOUNCED, Mail.Status.COMPLAINED)


def _secret_texts(age: timedelta) -> QuerySet[Mail]:
    secret = older(Mail, "created_at", age).filter(kind__in=Mail.SECRET_KINDS, text_removed_at=None)
    return secret.exclude(status=Mail.Status.QUEUED)


def _remove_text(mails: QuerySet[Any]) -> int:
    return mails.update(text="", html="", headers={}, text_removed_at=Now())


def old(age: timedelta) -> QuerySet[Mail]:
    """Mails that nobody has to do anything about."""
    sent = older(Mail, "created_at", age).filter(queued_at__lte=Now() - age).exclude(status=Mail.Status.QUEUED)
    # Without the mail that has arrived since, one that came back would need attention again.
    came_back = Mail.objects.filter(
        recipient_key=OuterRef("recipient_key"), status__in=CAME_BACK, bounced_at__lt=OuterRef("delivered_at")
    )
    return sent.exclude(NEEDS_ATTENTION).exclude(Exists(came_back.filter(pk__gt=OuterRef("pk"))))


RULES = (
    Rule(
        kind="account_mail_texts",
        what=_("texts of mails about accounts and passwords"),
        setting="ACCOUNT_MAIL_DAYS",
        models=(),
        **of_rows(_secret_texts, _remove_text),
    ),
)
