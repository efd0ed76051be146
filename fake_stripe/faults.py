"""Faults brought about on purpose: rules that slow, refuse, drop or hold requests before or after their work."""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from fake_stripe.errors import ApiError, Object, malformed

FAULTS = ("delay", "status", "drop_before", "drop_after", "hold")
WEBHOOK_MODES = ("normal", "double", "late", "reversed", "off")
RULE_KEYS = {"match", "fault", "delay_ms", "status", "probability", "times"}
DEFAULT_DELAY_MS, DEFAULT_STATUS = 150, 500
LOWEST_ERROR, HIGHEST_ERROR = 400, 599


class DroppedError(Exception):
    """The connection is to be cut without an answer."""


@dataclass
class Rule:
    """One rule of `POST /_sandbox/faults`."""

    method: str
    prefix: str
    fault: str
    delay: float
    status: int
    probability: float
    times: int | None

    @property
    def name(self) -> str:
        """Say in two words what it does."""
        return {"delay": f"delay {self.delay:g} s", "status": f"status {self.status}"}.get(self.fault, self.fault)

    def strikes(self, method: str, path: str) -> bool:
        """Say whether the rule hits this request, and count it if so."""
        if self.method not in {"*", method} or not path.startswith(self.prefix) or self.times == 0:
            return False
        if random.random() >= self.probability:  # noqa: S311 - chance, not secrecy
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self.webhooks = "normal"
        self.struck: Counter[str] = Counter()
        self._cleared = asyncio.Event()
        self._ending = False

    def replace(self, told: Object) -> None:
        """Put other rules in force: those held go on."""
        unknown = set(told) - {"rules", "webhooks"}
        if unknown:
            raise malformed(f"Unknown keys of faults: {', '.join(sorted(unknown))}")
        rules = [_rule(given) for given in told.get("rules") or []]
        webhooks = told.get("webhooks") or "normal"
        if webhooks not in WEBHOOK_MODES:
            raise malformed(f"webhooks must be one of {', '.join(WEBHOOK_MODES)}", param="webhooks")
        self.rules, self.webhooks = rules, webhooks
        self._release()

    def clear(self) -> None:
        """Let everything through."""
        self.replace({})

    def end(self) -> None:
        """Drop what is held, since the process ends."""
        self._ending = True
        self._release()

    def _release(self) -> None:
        self._cleared.set()
        self._cleared = asyncio.Event()

    async def strike(self, method: str, path: str) -> bool:
        """Do what the rules say before the work; say whether the answer is to be dropped after it.

        Each rule that matches has its turn, in the order given, until one refuses or drops the request.
        """
        drop_after = False
        for rule in list(self.rules):
            if not rule.strikes(method, path):
                continue
            self.struck[rule.name] += 1
            if rule.fault == "drop_after":
                drop_after = True
            else:
                await self._act(rule)
        return drop_after

    async def _act(self, rule: Rule) -> None:
        if rule.fault == "delay":
            await asyncio.sleep(rule.delay)
        elif rule.fault == "hold":
            await self._hold()
        elif rule.fault == "drop_before":
            raise DroppedError
        else:
            raise injected(rule.status)

    async def _hold(self) -> None:
        if not self._ending:
            await self._cleared.wait()
        if self._ending:
            raise DroppedError


def _rule(given: Any) -> Rule:
    if not isinstance(given, dict) or set(given) - RULE_KEYS:
        raise malformed(f"A rule is an object of {', '.join(sorted(RULE_KEYS))}.", param="rules")
    if given.get("fault") not in FAULTS:
        raise malformed(f"fault must be one of {', '.join(FAULTS)}", param="fault")
    method, _, prefix = str(given.get("match", "")).partition(" ")
    if not prefix.startswith("/"):
        raise malformed('match must be a method and a path prefix, such as "POST /v1/refunds"', param="match")
    status = int(given.get("status") or DEFAULT_STATUS)
    if not LOWEST_ERROR <= status <= HIGHEST_ERROR:
        raise malformed("status must be between 400 and 599", param="status")
    return Rule(
        method=method.upper(),
        prefix=prefix,
        fault=given["fault"],
        delay=float(given.get("delay_ms", DEFAULT_DELAY_MS)) / 1000,
        status=status,
        probability=float(given.get("probability", 1)),
        times=None if given.get("times") is None else int(given["times"]),
    )


_PLAIN = {
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


def injected(status: int) -> ApiError:
    """Give the answer of a `status` rule. Like Stripe's own, a 402 or 5xx is kept under its key, the others are not."""
    wrong = ("api_error", None, "An unknown error occurred.") if status >= 500 else (  # noqa: PLR2004
        "invalid_request_error", None, "The request was refused by a fault rule of the sandbox.",
    )  # fmt: skip
    kind, code, message = _PLAIN.get(status, wrong)
    return ApiError(message, status=status, type=kind, code=code, executed=status == 402 or status >= 500)  # noqa: PLR2004
