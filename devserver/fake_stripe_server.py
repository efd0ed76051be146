"""The fake Stripe as a child process, and a client of its `/_sandbox/` addresses."""

import json
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devserver.process import Process
from devserver.programs import LOOPBACK, OPENER, log_folder, responds_ok

Json = dict[str, Any]


def environment(port: int) -> dict[str, str]:
    base = f"http://{LOOPBACK}:{port}"
    return {
        "STRIPE_SECRET_KEY": "sk_test_sandbox",
        "STRIPE_PUBLISHABLE_KEY": "pk_test_sandbox",
        "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
        "STRIPE_API_BASE": base,
        "STRIPE_JS_URL": f"{base}/_sandbox/stripe.js",
        "STRIPE_MAX_REQUESTS_PER_SECOND": "80",
        "STRIPE_MAX_REQUESTS_PER_ENDPOINT": "80",
    }


class FakeStripeControl:
    """Client of the fake Stripe's own addresses (fake_stripe/README.md)."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ledger(self) -> Json:
        return self._request("GET", "ledger")

    def forget(self) -> Json:
        """Empty its books, and end its faults."""
        return self._request("DELETE", "ledger")

    def faults(self, *rules: Json, webhooks: str = "normal") -> Json:
        """Replace the fault rules in force."""
        return self.post("faults", {"rules": list(rules), "webhooks": webhooks})

    def clear(self) -> Json:
        return self._request("DELETE", "faults")

    def fault_counts(self) -> dict[str, int]:
        """Count since the start how often each kind of fault was applied."""
        counts: dict[str, int] = self._request("GET", "faults")["struck"]
        return counts

    def post(self, path: str, body: Json | None = None) -> Json:
        return self._request("POST", path, body)

    def _request(self, method: str, path: str, body: Json | None = None) -> Json:
        request = urllib.request.Request(  # noqa: S310 - always http, on this machine
            f"{self.url}/_sandbox/{path}",
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Content-Type": "application/json"},
            method=method,
        )
        with OPENER.open(request, timeout=10) as response:
            parsed: Json = json.loads(response.read() or b"{}")
        return parsed


class FakeStripeServer(FakeStripeControl, Process):
    def __init__(self, env: Mapping[str, str], var_dir: Path, web_port: int, refund_delay: int = 5) -> None:
        FakeStripeControl.__init__(self, env["STRIPE_API_BASE"])
        state = var_dir / "stripe"
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        Process.__init__(
            self,
            name="Fake Stripe",
            argv=[
                *(sys.executable, "-m", "fake_stripe", "--port", self.url.rpartition(":")[2]),
                *("--state", str(state)),
                *("--webhook-url", f"http://{LOOPBACK}:{web_port}/webhooks/stripe/"),
                *("--webhook-secret", env["STRIPE_WEBHOOK_SECRET"]),
                *("--secret-key", env["STRIPE_SECRET_KEY"]),
                *("--refund-delay", str(refund_delay), "--publishable-key", env["STRIPE_PUBLISHABLE_KEY"]),
            ],
            log=log_folder(var_dir) / "sandbox.log",
            ready_check=lambda: responds_ok(f"{self.url}/_sandbox/ledger"),
            env=env,
        )
