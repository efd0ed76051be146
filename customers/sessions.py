"""Sessions in the database that end by the database's clock: a process whose clock is wrong signs nobody out.

A session ends SESSION_DAYS after the sign-in, however busy it is, and with it its tokens; that of staff ends after
SESSION_IDLE_HOURS without a request, too.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models.functions import Now
from django.http import HttpRequest

from backoffice import database_clock

BATCH = 1000
SIGNED_IN_AT, OF_STAFF = "signed_in_at", "of_staff"
EXTENDED_EVERY = timedelta(minutes=1)


class SessionStore(db.SessionStore):
    _ends: datetime | None = None
    read_at: datetime | None = None

    def _get_session_from_db(self) -> Session | None:
        found = Session.objects.filter(session_key=self.session_key, expire_date__gt=Now()).annotate(read_at=Now())
        session = found.first()
        if session is None:
            self._session_key = None
        else:
            self._ends, self.read_at = session.expire_date, session.read_at
        return session

    def get_expiry_date(self, **known: Any) -> datetime:
        now = database_clock.now()
        return min(super().get_expiry_date(**{"modification": now, **known}), *self._limits(now))

    def extend(self) -> bool:
        """Put off the end of a session in use, once a minute at most; tell whether it was."""
        if self._ends is None or self.read_at is None or not self.get(OF_STAFF):
            return False
        ends = min(self._limits(self.read_at))
        if ends - self._ends < EXTENDED_EVERY:
            return False
        # The end alone: saving all of the session would undo what another request changed meanwhile.
        return bool(Session.objects.filter(session_key=self.session_key).update(expire_date=ends))

    def _limits(self, now: datetime) -> Iterator[datetime]:
        since = self.get(SIGNED_IN_AT)
        yield (datetime.fromtimestamp(since, UTC) if since else now) + timedelta(days=settings.SESSION_DAYS)
        if self.get(OF_STAFF):
            yield now + timedelta(hours=settings.SESSION_IDLE_HOURS)

    @classmethod
    def delete_of_user(cls, user_id: int) -> int:
        """Delete all sessions of a user, ended ones too; return how many. Reads every session there is."""
        deleted, after = 0, ""
        while rows := list(Session.objects.filter(session_key__gt=after).order_by("session_key")[:BATCH]):
            after = rows[-1].session_key
            theirs = [each.pk for each in rows if each.get_decoded().get(SESSION_KEY) == str(user_id)]
            deleted += Session.objects.filter(pk__in=theirs).delete()[0]
        return deleted

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.filter(expire_date__lt=Now()).delete()


def begin(request: HttpRequest, *, of_staff: bool) -> None:
    """Date a session that has just been signed in to."""
    request.session[SIGNED_IN_AT] = database_clock.now().timestamp()
    request.session[OF_STAFF] = of_staff
