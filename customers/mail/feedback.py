"""What the provider says later of a mail it took: that it arrived, came back, or was marked as spam."""

import logging
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice import logs
from customers.mail.models import Mail

logger = logging.getLogger(__name__)

ARRIVED = frozenset({EventType.DELIVERED, EventType.OPENED, EventType.CLICKED})
TAKEN = frozenset({EventType.QUEUED, EventType.SENT, EventType.DEFERRED, *ARRIVED})
CAME_BACK = frozenset({EventType.BOUNCED, EventType.REJECTED, EventType.FAILED})
MOST_OF_REASON = 500
# What a worker may be trying, and what it has sent: nothing undoes that a mail came back.
OPEN = Q(status=Mail.Status.SENT) | Q(status=Mail.Status.QUEUED, attempts__gt=0)


def apply(event: AnymailTrackingEvent) -> bool:
    """Write what an event says, whatever their order and however often they come; False where it says nothing new."""
    mail = _mail_of(event)
    if mail is None:
        return False
    # Of this sending alone: sent again meanwhile, a late word about the first time says nothing.
    same = Mail.objects.filter(pk=mail.pk, queued_at=mail.queued_at)
    at: Any = event.timestamp or Now()
    ended = {"next_attempt_at": None, "provider_id": (event.message_id or mail.provider_id)[:255]}
    if event.event_type in CAME_BACK:
        changes = {"status": Mail.Status.BOUNCED, "bounced_at": at, "error": _reason(event), **ended}
        return _applied(mail, "bounced", same.filter(OPEN).update(**changes))
    if event.event_type == EventType.COMPLAINED:
        changes = {"status": Mail.Status.COMPLAINED, "bounced_at": at, "error": _("Marked as spam."), **ended}
        return _applied(mail, "complained", same.filter(OPEN).update(**changes))
    if event.event_type not in TAKEN:
        return False
    # Its answer was lost, or has not come yet: without this the mail would be sent a second time.
    queued = same.filter(status=Mail.Status.QUEUED, attempts__gt=0)
    taken = queued.update(**{"status": Mail.Status.SENT, "sent_at": at, "error": "", **ended})
    arrived = event.event_type in ARRIVED and same.filter(delivered_at=None).update(delivered_at=at)
    return _applied(mail, "arrived" if arrived else "taken", taken or arrived)


def _applied(mail: Mail, what: str, changed: int) -> bool:
    if changed:
        order = getattr(mail.about, "number", "")
        logs.info_on_commit(logger, f"Mail {what}", mail_id=mail.pk, kind=mail.kind, order=order)
    return bool(changed)


def _mail_of(event: AnymailTrackingEvent) -> Mail | None:
    if sending := str((event.metadata or {}).get("sending", "")):
        named = Mail.objects.filter(message_id__startswith=f"<{sending.rpartition('.')[0]}@").first()
        return named if named and named.sending == sending else None
    # Some say nothing of ours in some events: their own id tells, once their answer has come.
    ids = Mail.objects.filter(provider_id=event.message_id).exclude(provider_id="")
    known = ids.exclude(status=Mail.Status.QUEUED)
    return (known.to(event.recipient) if event.recipient else known).first() if event.message_id else None


def _reason(event: AnymailTrackingEvent) -> str:
    said = event.mta_response or event.description or event.reject_reason or _("no reason was given")
    return _("It came back: %(why)s") % {"why": " ".join(str(said).split())[:MOST_OF_REASON]}
