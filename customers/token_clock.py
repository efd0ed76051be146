"""Access and refresh tokens dated and checked by the database's clock.

allauth asks the clock of the machine, in the one module that is changed here, and has no setting for it: a token of a
process whose clock is ahead would be refused by all the others as issued in the future.
"""

from types import SimpleNamespace
from typing import Any

import jwt
from allauth.headless.tokens.strategies.jwt import internal

from backoffice import database_clock
from customers import token_keys

UNCHECKED = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


def seconds() -> float:
    return database_clock.now().timestamp()


def decode(token: str, *, options: dict[str, Any], **how: Any) -> dict[str, Any]:
    """Raise jwt.PyJWTError."""
    unchecked: Any = {**options, **UNCHECKED, "require": ["exp"]}
    payload = token_keys.decode(token, options=unchecked, **how)
    if not isinstance(payload["exp"], int) or payload["exp"] <= seconds():
        raise jwt.ExpiredSignatureError
    return payload


def use_database_clock() -> None:
    internal.time = SimpleNamespace(time=seconds)
    internal.jwt = SimpleNamespace(decode=decode, encode=jwt.encode, PyJWTError=jwt.PyJWTError)
