"""Idempotency keys as Stripe keeps them (https://docs.stripe.com/api/idempotent_requests)."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fake_stripe.errors import ApiError, Object
from fake_stripe.state import State

KEPT_FOR = 24 * 3600
MAX_LENGTH = 255


@dataclass(frozen=True)
class Answer:
    """A status and a body, and the request that first got them."""

    status: int
    body: str
    request_id: str
    replayed: bool = False


class Keys:
    """The answers kept by key, and the keys whose first request is not answered yet."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._in_flight: dict[str, str] = {}

    @contextmanager
    def claim(self, key: str | None, fingerprint: str) -> Iterator[Answer | None]:
        """Hold a key while its request is served; give the kept answer where there is one."""
        if key is None:
            yield None
            return
        kept = self._kept(key, fingerprint)
        if kept:
            yield kept
            return
        if key in self._in_flight:
            raise _busy(key, same=self._in_flight[key] == fingerprint)
        self._in_flight[key] = fingerprint
        try:
            yield None
        finally:
            del self._in_flight[key]

    def _kept(self, key: str, fingerprint: str) -> Answer | None:
        query = "SELECT fingerprint, status, body, request FROM keys WHERE key = ? AND created > ?"
        row = self._state.db.execute(query, (key, self._state.now() - KEPT_FOR)).fetchone()
        if row is None:
            return None
        if row[0] != fingerprint:
            raise _other_parameters(key)
        return Answer(status=row[1], body=row[2], request_id=row[3], replayed=True)

    def keep(self, key: str, fingerprint: str, answer: Answer) -> None:
        """Remember the answer, in the transaction that did the work."""
        self._state.db.execute(
            "INSERT OR REPLACE INTO keys (key, fingerprint, status, body, request, created) VALUES (?, ?, ?, ?, ?, ?)",
            (key, fingerprint, answer.status, answer.body, answer.request_id, self._state.now()),
        )


def fingerprint(method: str, path: str, params: Object) -> str:
    """Give what must be the same when a key comes again."""
    told = json.dumps([method, path, params], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def check_key(key: str) -> str:
    """Give a key, or refuse one that is too long."""
    if len(key) > MAX_LENGTH:
        raise ApiError(
            f"Idempotency keys can have up to {MAX_LENGTH} characters, but you passed in a key that is {len(key)}.",
            type="idempotency_error",
            executed=False,
        )
    return key


def _other_parameters(key: str) -> ApiError:
    return ApiError(
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
        type="idempotency_error",
        executed=False,
    )


def _busy(key: str, *, same: bool) -> ApiError:
    if not same:
        return _other_parameters(key)
    return ApiError(
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        f"twice, and the other request is still going through): {key}. Please try again later.",
        status=409,
        type="idempotency_error",
        code="idempotency_key_in_use",
        executed=False,
    )
