"""Customers of the website: they sign in and order through a web process, which may die before it answers."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from customers.models import Customer, User
from devserver.programs import OPENER
from ecommerce.models import Order
from tests.support.factories import make_customer

EMAIL, PASSWORD = "ada@example.com", "a-long-passphrase"
# What a server says while its database is away, or of itself while it starts; everything else is an answer.
NO_ANSWER = {500, 502, 503}


def make_ada(**fields: Any) -> Customer:
    """Make a customer who can sign in."""
    return make_customer(user=User.objects.create_user(EMAIL, EMAIL, PASSWORD), **fields)


@dataclass(frozen=True)
class Website:
    """The API as a website of somebody else's sees it, once Ada has signed in."""

    base: str
    token: str

    @classmethod
    def entered(cls, base_url: str) -> "Website":
        """Sign Ada in."""
        base = f"{base_url}/api/v1/sdk"
        return cls(base, post(f"{base}/auth/login", {"email": EMAIL, "password": PASSWORD})["data"]["auth_token"])

    def order(self, body: dict[str, Any], key: str = "") -> None:
        """Order once; a refused card is an answer, too. Raise OSError or HTTPException if none came."""
        try:
            post(f"{self.base}/ecommerce/order", {"payment_gateway": "stripe", **body}, self.token, key)
        except urllib.error.HTTPError as refused:
            refused.close()
            if refused.code in NO_ANSWER:
                raise ConnectionError(refused.code) from refused

    def order_until_answered(self, body: dict[str, Any], key: str, told: Counter[str], within: float = 600) -> Order:
        """Send the same order again and again until somebody answers, and give it."""
        until = time.monotonic() + within
        while True:
            try:
                self.order(body, key)
            except (OSError, http.client.HTTPException):
                told["sent again to the website"] += 1
                assert time.monotonic() < until, f"{key} has no answer after {within} s"
                time.sleep(0.5)
            else:
                return Order.objects.get(placement_key=key)


def lost(website: Website, body: dict[str, Any]) -> None:
    """Order from a server that dies before it answers."""
    with suppress(OSError, http.client.HTTPException):
        website.order(body)


def post(url: str, body: dict[str, Any], token: str = "", key: str = "") -> dict[str, Any]:
    """Post JSON and read the answer's."""
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"Idempotency-Key": key} if key else {}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with OPENER.open(request, timeout=60) as answer:
        given: dict[str, Any] = json.load(answer)
    return given
