"""Responses stored by idempotency key (https://docs.stripe.com/api/idempotent_requests)."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fake_stripe.errors import ApiError, JsonObject
from fake_stripe.store import Store

LIFETIME = 24 * 3600
MAX_LENGTH = 255


@dataclass(frozen=True)
class StoredResponse:
    """`request_id` is that of the request that was executed."""

    status: int
    body: str
    request_id: str
    replayed: bool = False


class IdempotencyStore:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_flight: dict[str, str] = {}

    @contextmanager
    def reserve(self, key: str | None, fingerprint: str) -> Iterator[StoredResponse | None]:
        """Yield the stored response where there is one; else keep other requests with this key out meanwhile."""
        stored = self._find(key, fingerprint) if key is not None else None
        if key is None or stored:
            yield stored
            return
        if key in self._in_flight:
            raise _in_use(key) if self._in_flight[key] == fingerprint else _other_parameters(key)
        self._in_flight[key] = fingerprint
        try:
            yield None
        finally:
            del self._in_flight[key]

    def _find(self, key: str, fingerprint: str) -> StoredResponse | None:
        query = "SELECT fingerprint, status, body, request FROM keys WHERE key = ? AND created > ?"
        row = self._store.db.execute(query, (key, self._store.now() - LIFETIME)).fetchone()
        if row is None:
            return None
        if row[0] != fingerprint:
            raise _other_parameters(key)
        return StoredResponse(status=row[1], body=row[2], request_id=row[3], replayed=True)

    def save(self, key: str, fingerprint: str, response: StoredResponse) -> None:
        """Called in the transaction that executes the request."""
        self._store.db.execute(
            "INSERT OR REPLACE INTO keys (key, fingerprint, status, body, request, created) VALUES (?, ?, ?, ?, ?, ?)",
            (key, fingerprint, response.status, response.body, response.request_id, self._store.now()),
        )


def fingerprint(method: str, path: str, params: JsonObject) -> str:
    """What must be the same when a key is sent again."""
    return hashlib.sha256(json.dumps([method, path, params], sort_keys=True).encode()).hexdigest()


def check_key(key: str) -> str:
    if len(key) > MAX_LENGTH:
        raise _error(
            f"Idempotency keys can have up to {MAX_LENGTH} characters, but you passed in a key that is {len(key)}."
        )
    return key


def _error(message: str, status: int = 400, code: str | None = None) -> ApiError:
    return ApiError(message, status=status, type="idempotency_error", code=code, executed=False)


def _other_parameters(key: str) -> ApiError:
    return _error(
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request."
    )


def _in_use(key: str) -> ApiError:
    return _error(
        "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
        f"twice, and the other request is still going through): {key}. Please try again later.",
        status=409,
        code="idempotency_key_in_use",
    )
