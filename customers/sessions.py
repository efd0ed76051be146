"""Sessions in the database that end by the database's clock: a process whose clock is wrong signs nobody out."""

from datetime import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models.functions import Now

from backoffice import database_clock

BATCH = 1000


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Session | None:
        session = Session.objects.filter(session_key=self.session_key, expire_date__gt=Now()).first()
        if session is None:
            self._session_key = None
        return session

    def get_expiry_date(self, **known: Any) -> datetime:
        return super().get_expiry_date(**{"modification": database_clock.now(), **known})

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
