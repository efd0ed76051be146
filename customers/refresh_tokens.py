"""Refresh tokens work once. Used again, somebody else may have a copy: all tokens of that sign-in end.

The tokens of one sign-in, with those that they were exchanged for, share its session. Which of the two users of a
spent token is the thief can't be known, so both are signed out (RFC 9700, 4.14.2).
"""

import logging

from allauth.headless import app_settings
from allauth.headless.tokens.strategies.jwt import internal
from django.contrib.sessions.backends.base import UpdateError
from django.db import transaction

from backoffice.advisory_locks import LockSpace, lock_in_transaction
from customers.sessions import SessionStore

logger = logging.getLogger(__name__)


def renew(token: str) -> tuple[str, str] | None:
    """Exchange a refresh token for an access and a refresh token; None if it is none, has expired, or was spent."""
    payload = internal.decode_token(token, "refresh")
    session_key = internal.session_key_from_sid(payload["sid"]) if payload else None
    if session_key is None:
        return None
    try:
        with transaction.atomic():
            # One exchange at a time for each sign-in: of two with the same token, the second finds it spent.
            lock_in_transaction(LockSpace.REFRESH_TOKEN, session_key)
            renewed: tuple[str, str] | None = app_settings.TOKEN_STRATEGY.refresh_token(token)
            if renewed is None:
                _end(session_key)
            return renewed
    except UpdateError:  # signed out at the same time
        return None


def _end(session_key: str) -> None:
    session = SessionStore(session_key)
    if session.exists(session_key):
        logger.warning("A spent refresh token was used again: its sign-in has ended.")
        session.delete()
