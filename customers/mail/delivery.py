"""Send what is in the outbox, each mail under a lease, outside any transaction."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice import leases, logs, shutdown
from backoffice.process_leases import process_lease, renew
from customers.mail.attachments import NotReadyError, UnreadableError
from customers.mail.pace import Pace
from customers.mail.transport import PostponedError, RefusedError, ServerAwayError, ThrottledError, Transport
from customers.mail.writers import LEASE, is_written
from customers.models import Mail

logger = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=24)
# While the server does not answer, one attempt within this time finds out when it does again.
LONGEST_AWAY = timedelta(minutes=5)
AWAY = "mail-server-away"
NOT_READY_WAIT = timedelta(seconds=10)
SENDER_LEASE = timedelta(seconds=45)  # longer than any connection to the server lasts
MAILS_FOR_A_CONNECTION = 100  # waiting ones, before one more connection is opened
_held: list[Callable[[], bool]] = []


@dataclass(frozen=True, slots=True)
class Turn:
    """What the connections of one turn share; `until` is a monotonic moment."""

    until: float
    pace: Pace = field(default_factory=lambda: Pace(settings.MAIL_MAX_PER_SECOND))
    stopped: Event = field(default_factory=Event)
    """The server does not answer: no connection asks for more."""

    @property
    def is_over(self) -> bool:
        return self.stopped.is_set() or shutdown.time_is_up(self.until)


def hold_while(condition: Callable[[], bool]) -> None:
    """Have no mail sent while a condition holds, which is asked before each turn."""
    _held.append(condition)


def waiting() -> bool:
    return not _is_held() and Mail.objects.due().exists()


def _is_held() -> bool:
    return bool(cache.get(AWAY)) or any(condition() for condition in _held)


def send_due(*, until: float) -> bool:
    """Send the mails that are due, and return whether some are left at `until`, a monotonic moment.

    Those of mass actions come after all others, and of each the earliest first. One process at a time, with several
    connections where many wait: a server that hangs holds one process of a worker, and no other work.
    """
    with process_lease("sending mails", lease=SENDER_LEASE) as alone:
        if not alone or _is_held():
            return False
        turn, further = Turn(until), _further_connections()
        with ThreadPoolExecutor(max(1, further), thread_name_prefix="mail") as pool:
            threads = [pool.submit(logs.in_context(_send_in_thread), turn) for _ in range(further)]
            _send(turn)
            for thread in threads:
                thread.result()
    return waiting()


def _further_connections() -> int:
    most = settings.MAIL_CONNECTIONS - 1
    return Mail.objects.due()[: most * MAILS_FOR_A_CONNECTION].count() // MAILS_FOR_A_CONNECTION


def _send_in_thread(turn: Turn) -> None:
    try:
        _send(turn)
    finally:
        connection.close()


def _send(turn: Turn) -> None:
    with Transport() as transport:
        while not turn.is_over:
            turn.pace.wait()  # before a mail is claimed: one that is written meanwhile may come first
            renew()
            mail = _claim()
            if mail is None:
                return
            with logs.bound(mail_id=mail.pk):
                _deliver(mail, transport, turn)


def _claim() -> Mail | None:
    queued = Mail.objects.filter(status=Mail.Status.QUEUED)
    for rows in (queued.filter(is_mass=False), queued.filter(is_mass=True)):
        if claimed := leases.claim(rows, lease=LEASE):
            return claimed[0]
    return None


def _deliver(mail: Mail, transport: Transport, turn: Turn) -> None:
    """Try one leased mail."""
    if mail.attempts > 1 and _age(mail) > GIVE_UP_AFTER:
        _finish(mail, Mail.Status.FAILED, error=_("Given up after a day. %(error)s") % {"error": mail.error})
        return
    try:
        _write_and_send(mail, transport)
    except ServerAwayError as error:
        logger.warning("The mail server is away: %s.", error)
        wait = _postpone(mail, _("The mail server is away: %(why)s.") % {"why": error}, longest=LONGEST_AWAY)
        cache.set(AWAY, True, timeout=wait.total_seconds())
        turn.stopped.set()
    except ThrottledError as error:
        slower = _("The mail server asks to go slower: %(why)s") % {"why": error}
        leases.release(mail, next_attempt_at=Now() + timedelta(seconds=error.seconds), error=slower)
        turn.pace.pause(error.seconds)
    except NotReadyError:
        leases.release(mail, next_attempt_at=Now() + NOT_READY_WAIT)
    except PostponedError as error:
        _postpone(mail, _("The mail server put it off: %(why)s") % {"why": error})
    except UnreadableError as error:
        logger.warning("What is attached to mail %s can't be read.", mail.pk)
        _postpone(mail, str(error))
    except RefusedError as error:
        # Not to the log: the server's words name the recipient.
        _finish(mail, Mail.Status.FAILED, error=_("The mail server refused it: %(why)s") % {"why": error})
    except Exception as error:
        logger.exception("Mail %s could not be sent.", mail.pk)
        _postpone(mail, _("Sending it failed: %(why)s.") % {"why": type(error).__name__})


def _write_and_send(mail: Mail, transport: Transport) -> None:
    if not is_written(mail):
        return
    if not settings.MAIL_BACKEND:
        _finish(mail, Mail.Status.KEPT, error="")
        return
    provider_id = transport.send(mail)
    _finish(mail, Mail.Status.SENT, error="", sent_at=Now(), provider_id=provider_id[:255])


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
    if leases.release(mail, next_attempt_at=None, status=status, **changes):
        # What it is about may be an order; who it is for is no matter of the log.
        order = getattr(mail.about, "number", "")
        logs.info(logger, f"Mail {status.value}", kind=mail.kind, order=order)


def keep_queued() -> int:
    """Keep what waits from being sent until staff send it again; return how many."""
    why = _("Kept when the database was restored: it may have been sent before.")
    queued = Mail.objects.filter(status=Mail.Status.QUEUED)
    return queued.update(status=Mail.Status.KEPT, next_attempt_at=None, error=why)
