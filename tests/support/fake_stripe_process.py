"""A sandbox in a process of its own, for tests that start, stop and kill it."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Self

import stripe

SECRET_KEY, PUBLISHABLE_KEY, WEBHOOK_SECRET = "sk_test_sandbox", "pk_test_sandbox", "whsec_sandbox"
ROOT = Path(__file__).parent.parent.parent
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

Answer = dict[str, Any]


class FakeStripe:
    """One sandbox with its own state: started again, it keeps its port and what it knows."""

    def __init__(self, state: Path, *, webhook_url: str = "", refund_delay: int = 1) -> None:
        self._state, self._webhook_url, self._refund_delay = state, webhook_url, refund_delay
        self._process: subprocess.Popen[str] | None = None
        self.url = "http://127.0.0.1:0"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and wait until it listens."""
        options = ["--port", self.url.rpartition(":")[2], "--state", str(self._state)]
        options += ["--refund-delay", str(self._refund_delay)]
        options += ["--webhook-url", self._webhook_url, "--webhook-secret", WEBHOOK_SECRET]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fake_stripe", *options],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("listening on "), f"the sandbox did not start: {line!r}"
        self.url = line.split()[-1]

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """End it as a supervisor does."""
        return self._end(by)

    def kill(self) -> int:
        """End it as the machine does."""
        return self._end(signal.SIGKILL)

    def _end(self, by: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(by)
        status = process.wait(timeout=10)
        assert process.stdout is not None
        process.stdout.close()
        return status

    def client(self, key: str = SECRET_KEY, *, timeout: float = 10) -> stripe.StripeClient:
        """Give Stripe's own client, set as the gateway sets it: no retries of its own."""
        http = stripe.RequestsClient(timeout=timeout)
        return stripe.StripeClient(key, base_addresses={"api": self.url}, max_network_retries=0, http_client=http)

    def ledger(self) -> Answer:
        """Give the money as Stripe has it."""
        return self.ask("GET", "ledger")

    def faults(self, *rules: Answer, webhooks: str = "normal") -> Answer:
        """Misbehave by these rules, and no others."""
        return self.ask("POST", "faults", {"rules": list(rules), "webhooks": webhooks})

    def clear(self) -> Answer:
        """Misbehave no more."""
        return self.ask("DELETE", "faults")

    def ask(self, method: str, path: str, body: Answer | None = None) -> Answer:
        """Call one of the sandbox's own addresses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/_sandbox/{path}", data, method=method)
        with OPENER.open(request, timeout=10) as answer:
            given: Answer = json.loads(answer.read())
        return given
