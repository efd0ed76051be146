"""The stand-in for Stripe, as a process beside us."""

import json
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devserver.process import Process
from devserver.programs import LOOPBACK, OPENER, logs, says_yes

Answer = dict[str, Any]


def variables(port: int) -> dict[str, str]:
    """Give what the environment says of a sandbox on this port."""
    base = f"http://{LOOPBACK}:{port}"
    return {
        "STRIPE_SECRET_KEY": "sk_test_sandbox",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox",
        "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
        "STRIPE_API_BASE": base,
        "STRIPE_JS_URL": f"{base}/_sandbox/stripe.js",
        "STRIPE_MAX_REQUESTS_PER_SECOND": "80",
    }


class FakeStripeServer(Process):
    """A Stripe of our own: its money in one folder, its addresses and keys in the environment it is given."""

    def __init__(self, env: Mapping[str, str], var_dir: Path, web_port: int, refund_delay: int = 5) -> None:
        self.url = env["STRIPE_API_BASE"]
        state = var_dir / "stripe"
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(
            name="Stripe sandbox",
            argv=[
                *(sys.executable, "-m", "fake_stripe", "--port", self.url.rpartition(":")[2]),
                *("--state", str(state)),
                *("--webhook-url", f"http://{LOOPBACK}:{web_port}/webhooks/stripe/"),
                *("--webhook-secret", env["STRIPE_WEBHOOK_SECRET"]),
                *("--secret-key", env["STRIPE_SECRET_KEY"]),
                *("--refund-delay", str(refund_delay), "--publishable-key", env["STRIPE_PUBLISHABLE_KEY"]),
            ],
            log=logs(var_dir) / "sandbox.log",
            answers=lambda: says_yes(f"{self.url}/_sandbox/ledger"),
            env=env,
        )

    def ledger(self) -> Answer:
        """Give the money as Stripe has it: payment intents and refunds."""
        return self._ask("GET", "ledger")

    def faults(self, *rules: Answer, webhooks: str = "normal") -> Answer:
        """Misbehave by these rules from now on, and by no others."""
        return self._ask("POST", "faults", {"rules": list(rules), "webhooks": webhooks})

    def clear(self) -> Answer:
        """Misbehave no more."""
        return self._ask("DELETE", "faults")

    def struck(self) -> dict[str, int]:
        """Count, since its start, how often each kind of fault struck."""
        counts: dict[str, int] = self._ask("GET", "faults")["struck"]
        return counts

    def _ask(self, method: str, path: str, body: Answer | None = None) -> Answer:
        request = urllib.request.Request(  # noqa: S310 - always http, on this machine
            f"{self.url}/_sandbox/{path}",
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with OPENER.open(request, timeout=10) as answer:
            given: Answer = json.loads(answer.read() or b"{}")
        return given
