"""Access and refresh tokens that were issued under an earlier SECRET_KEY; allauth knows only the present one.

Each names its session, encrypted with the key that signs it. What has been signed with one of SECRET_KEY_FALLBACKS is
read with that one, and then named as if it had been issued now.
"""

import hashlib
from base64 import b64decode
from typing import Any

import jwt
from allauth.headless.tokens.strategies.jwt import internal
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError

from customers.models import User
from customers.sessions import SessionStore

IV_BYTES = 16


def decode(token: str, *, key: str, **how: Any) -> dict[str, Any]:
    """Raise jwt.PyJWTError."""
    for each in (key, *settings.SECRET_KEY_FALLBACKS):
        try:
            payload: dict[str, Any] = jwt.decode(token, key=each, **how)
        except jwt.InvalidSignatureError:
            continue
        return payload if each == key else {**payload, "sid": _named_anew(payload["sid"], each)}
    raise jwt.InvalidSignatureError


def _named_anew(sid: str, secret: str) -> str:
    sealed = b64decode(sid)
    opened = Cipher(AES(hashlib.sha256(secret.encode()).digest()), CTR(sealed[:IV_BYTES])).decryptor()
    session_key = (opened.update(sealed[IV_BYTES:]) + opened.finalize()).decode()
    _keep_name(SessionStore(session_key))
    named: str = internal.session_key_to_sid(session_key)
    return named


def _keep_name(session: SessionStore) -> None:
    """Bind the session to the present key: Django would do so under another name, which no token has."""
    user = User.objects.filter(pk=session.get(SESSION_KEY, 0)).first()
    if user and session.get(HASH_SESSION_KEY, "") in user.get_session_auth_fallback_hash():
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        try:
            session.save()
        except UpdateError:  # signed out meanwhile: the token leads to nothing
            return
