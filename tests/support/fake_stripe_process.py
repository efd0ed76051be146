"""A fake Stripe in a process of its own, for tests that start, stop and kill it."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import stripe

from devserver.fake_stripe_server import FakeStripeControl

SECRET_KEY, PUBLISHABLE_KEY, WEBHOOK_SECRET = "sk_test_sandbox", "pk_test_sandbox", "whsec_sandbox"
ROOT = Path(__file__).parent.parent.parent


class FakeStripe(FakeStripeControl):
    """Started again, it keeps its port and its state."""

    def __init__(self, state: Path, *, webhook_url: str = "", refund_delay: int = 1) -> None:
        super().__init__("http://127.0.0.1:0")
        self._state, self._webhook_url, self._refund_delay = state, webhook_url, refund_delay
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
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
        assert line.startswith("listening on "), f"the fake Stripe did not start: {line!r}"
        self.url = line.split()[-1]

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Returns the exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(by)
        status = process.wait(timeout=10)
        assert process.stdout is not None
        process.stdout.close()
        return status

    def kill(self) -> int:
        return self.stop(signal.SIGKILL)

    def client(self, key: str = SECRET_KEY, *, timeout: float = 10) -> stripe.StripeClient:
        """Stripe's own client, configured as the gateway configures it: without retries."""
        http = stripe.RequestsClient(timeout=timeout)
        return stripe.StripeClient(key, base_addresses={"api": self.url}, max_network_retries=0, http_client=http)
