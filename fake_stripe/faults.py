"""Fault rules: they delay, refuse, drop or hold the requests they match (README.md)."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from fake_stripe.errors import ApiError, JsonObject, invalid_parameter

FAULTS = ("delay", "status", "drop_before", "drop_after", "hold")
WEBHOOK_MODES = ("normal", "double", "late", "reversed", "off")
RULE_KEYS = {"match", "fault", "delay_ms", "status", "probability", "times"}
DEFAULT_DELAY_MS, DEFAULT_STATUS = 150, 500
LOWEST_ERROR, HIGHEST_ERROR, SERVER_ERROR, CARD_ERROR = 400, 599, 500, 402


class DroppedError(Exception):
    """The connection is to be reset without a response."""


@dataclass
class Rule:
    """`delay` in seconds; `times` left, or None for no limit."""

    method: str
    prefix: str
    fault: str
    delay: float
    status: int
    probability: float
    times: int | None

    @property
    def name(self) -> str:
        return {"delay": f"delay {self.delay:g} s", "status": f"status {self.status}"}.get(self.fault, self.fault)

    def applies(self, method: str, path: str) -> bool:
        """Decide by match, times and chance; count one of `times` down."""
        if self.method not in {"*", method} or not path.startswith(self.prefix) or self.times == 0:
            return False
        if random.random() >= self.probability:  # noqa: S311 - chance, not secrecy
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.webhooks = "normal"
        self.counts: Counter[str] = Counter()
        self._replaced = asyncio.Event()
        self._stopping = False

    def replace(self, body: JsonObject) -> None:
        """Replace the rules in force; requests on hold go on."""
        unknown = set(body) - {"rules", "webhooks"}
        if unknown:
            raise invalid_parameter(f"Unknown keys of faults: {', '.join(sorted(unknown))}")
        rules = [_parse_rule(rule) for rule in body.get("rules") or []]
        webhooks = body.get("webhooks") or "normal"
        if webhooks not in WEBHOOK_MODES:
            raise invalid_parameter(f"webhooks must be one of {', '.join(WEBHOOK_MODES)}", param="webhooks")
        self.rules, self.webhooks = rules, webhooks
        self._release()

    def clear(self) -> None:
        self.replace({})

    def stop(self) -> None:
        """Drop the requests on hold, since the process stops."""
        self._stopping = True
        self._release()

    def _release(self) -> None:
        self._replaced.set()
        self._replaced = asyncio.Event()

    async def apply(self, method: str, path: str) -> bool:
        """Apply the matching rules in order, until one refuses or drops the request.

        Returns whether the response is to be dropped after the request is executed.
        """
        drop_after = False
        for rule in list(self.rules):
            if not rule.applies(method, path):
                continue
            self.counts[rule.name] += 1
            if rule.fault == "drop_after":
                drop_after = True
            else:
                await self._apply(rule)
        return drop_after

    async def _apply(self, rule: Rule) -> None:
        if rule.fault == "delay":
            await asyncio.sleep(rule.delay)
        elif rule.fault == "hold":
            await self._hold()
        elif rule.fault == "drop_before":
            raise DroppedError
        else:
            raise _injected_error(rule.status)

    async def _hold(self) -> None:
        if not self._stopping:
            await self._replaced.wait()
        if self._stopping:
            raise DroppedError


def _parse_rule(rule: Any) -> Rule:
    if not isinstance(rule, dict) or set(rule) - RULE_KEYS:
        raise invalid_parameter(f"A rule is an object of {', '.join(sorted(RULE_KEYS))}.", param="rules")
    if rule.get("fault") not in FAULTS:
        raise invalid_parameter(f"fault must be one of {', '.join(FAULTS)}", param="fault")
    method, _, prefix = str(rule.get("match", "")).partition(" ")
    if not prefix.startswith("/"):
        raise invalid_parameter('match must be a method and a path prefix, such as "POST /v1/refunds"', param="match")
    status = int(rule.get("status") or DEFAULT_STATUS)
    if not LOWEST_ERROR <= status <= HIGHEST_ERROR:
        raise invalid_parameter("status must be between 400 and 599", param="status")
    return Rule(
        method=method.upper(),
        prefix=prefix,
        fault=rule["fault"],
        delay=float(rule.get("delay_ms", DEFAULT_DELAY_MS)) / 1000,
        status=status,
        probability=float(rule.get("probability", 1)),
        times=None if rule.get("times") is None else int(rule["times"]),
    )


_ERRORS = {
    401: ("invalid_request_error", None, "Invalid API Key provided: sk_test_****"),
    402: ("card_error", "card_declined", "Your card was declined."),
    403: ("invalid_request_error", None, "The API key provided does not have access to this resource."),
    404: ("invalid_request_error", "resource_missing", "No such object."),
    409: (
        "idempotency_error",
        "idempotency_key_in_use",
        "There is currently another in-progress request using this key.",
    ),
    429: ("invalid_request_error", "rate_limit", "Request rate limit exceeded. Try again later."),
}
_OTHER_ERROR = ("invalid_request_error", None, "The request was refused by a fault rule of the fake Stripe.")
_SERVER_ERROR = ("api_error", None, "An unknown error occurred.")


def _injected_error(status: int) -> ApiError:
    """As Stripe does, a 402 or 5xx is stored under its idempotency key, the others are not."""
    is_server_error = status >= SERVER_ERROR
    kind, code, message = _ERRORS.get(status, _SERVER_ERROR if is_server_error else _OTHER_ERROR)
    stored = status == CARD_ERROR or is_server_error
    return ApiError(message, status=status, type=kind, code=code, executed=stored)
