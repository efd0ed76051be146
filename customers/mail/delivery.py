"""Send what is in the outbox: one mail at a time, each under a lease, outside any transaction."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import Error, connection
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice import leases
from backoffice.advisory_locks import LockSpace, release_session_lock, try_session_lock
from customers.mail.attachments import NotReadyError
from customers.mail.transport import PostponedError, RefusedError, ServerAwayError, Transport
from customers.mail.writers import is_written
from customers.models import Mail

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=55)  # longer than any connection to the server lasts
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=24)
# While the server does not answer, one attempt within this time finds out when it does again.
LONGEST_AWAY = timedelta(minutes=5)
AWAY = "mail-server-away"
NOT_READY_WAIT = timedelta(seconds=10)
BATCH = 1000


def waiting() -> bool:
    return not cache.get(AWAY) and Mail.objects.due().exists()


def send_due(*, until: float) -> bool:
    """Send the mails that are due, the earliest first, and return whether some are left at `until`, a monotonic moment.

    One process at a time: a server that hangs holds one process of a worker, and no other work.
    """
    with _only_sender() as alone:
        if not alone or cache.get(AWAY):
            return False
        with Transport() as transport:
            while time.monotonic() < until:
                claimed = leases.claim(Mail.objects.filter(status=Mail.Status.QUEUED), lease=LEASE)
                if not claimed or not _deliver(claimed[0], transport):
                    return False
    return waiting()


@contextmanager
def _only_sender() -> Iterator[bool]:
    if not try_session_lock(LockSpace.MAIL_SENDER, ""):
        yield False
        return
    try:
        yield True
    finally:
        try:
            release_session_lock(LockSpace.MAIL_SENDER, "")
        except Error:
            connection.close()  # the lock ends with it


def _deliver(mail: Mail, transport: Transport) -> bool:
    """Try one leased mail; return whether the server may be asked for more."""
    if mail.attempts > 1 and _age(mail) > GIVE_UP_AFTER:
        _finish(mail, Mail.Status.FAILED, error=_("Given up after a day. %(error)s") % {"error": mail.error})
        return True
    try:
        if not is_written(mail):
            return True
        if not settings.MAIL_BACKEND:
            _finish(mail, Mail.Status.KEPT, error="")
            return True
        provider_id = transport.send(mail)
    except ServerAwayError as error:
        logger.warning("The mail server is away: %s.", error)
        wait = _postpone(mail, _("The mail server is away: %(why)s.") % {"why": error}, longest=LONGEST_AWAY)
        cache.set(AWAY, True, timeout=wait.total_seconds())
        return False
    except NotReadyError:
        leases.release(mail, next_attempt_at=Now() + NOT_READY_WAIT)
    except PostponedError as error:
        _postpone(mail, _("The mail server put it off: %(why)s") % {"why": error})
    except RefusedError as error:
        # Not to the log: the server's words name the recipient.
        _finish(mail, Mail.Status.FAILED, error=_("The mail server refused it: %(why)s") % {"why": error})
    except Exception as error:
        logger.exception("Mail %s could not be sent.", mail.pk)
        _postpone(mail, _("Sending it failed: %(why)s.") % {"why": type(error).__name__})
    else:
        _finish(mail, Mail.Status.SENT, error="", sent_at=Now(), provider_id=provider_id[:255])
    return True


def _age(mail: Any) -> timedelta:
    # A lease that was lost with its process counts as well: a mail that kills each worker ends, too.
    age: timedelta = mail.leased_at - mail.queued_at
    return age


def _postpone(mail: Mail, error: str, *, longest: timedelta = LONGEST_WAIT) -> timedelta:
    """Wait for half of the time that it has waited already, so that waits grow; return how long."""
    wait = min(max(_age(mail) / 2, FIRST_WAIT), longest)
    leases.release(mail, next_attempt_at=Now() + wait, error=error)
    return wait


def _finish(mail: Mail, status: Mail.Status, **changes: Any) -> None:
    leases.release(mail, next_attempt_at=None, status=status, **changes)


def remove_old_texts() -> int:
    """Empty the mails whose links are secrets, ACCOUNT_MAIL_DAYS after they were written; return how many."""
    days = timedelta(days=settings.ACCOUNT_MAIL_DAYS)
    secret = Mail.objects.filter(kind__in=Mail.SECRET_KINDS, text_removed_at=None, created_at__lte=Now() - days)
    old = secret.exclude(status=Mail.Status.QUEUED).order_by("pk")
    removed = 0
    while keys := list(old.values_list("pk", flat=True)[:BATCH]):
        removed += Mail.objects.filter(pk__in=keys).update(text="", html="", headers={}, text_removed_at=Now())
    return removed
