"""One request as an endpoint sees it, and the table that endpoints are entered in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from fake_stripe.errors import Object, missing
from fake_stripe.parameters import EXPAND, Kind, Schema
from fake_stripe.state import State, new_id

API_VERSION = "2026-10-28.endive"
# How Stripe's messages call objects, and the ids in addresses.
NOUNS = {"payment_method": "PaymentMethod", "setup_intent": "setupintent"}
IDS = {"payment_intent": "intent", "setup_intent": "intent", "payment_method": "payment_method"}


class Outbox(Protocol):
    """Where events go that a webhook address waits for, and how long banks take with refunds."""

    refund_delay: int

    def post(self, event_id: str) -> None:
        """Deliver an event some time after the transaction that made it."""


@dataclass
class Call:
    """What an endpoint may use: the stored objects, the checked parameters, who asks and how."""

    state: State
    outbox: Outbox
    params: Object = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    version: str = API_VERSION
    publishable: bool = False
    base_url: str = ""
    request_id: str | None = None
    key: str | None = None

    def get(self, kind: str, param: str = "") -> Object:
        """Give the object that the address names, or that `param` does; answer that there is none."""
        identifier = str(self.params[param] if param else self.path["id"])
        found = self.state.find(kind, identifier)
        if found is None or found.get("deleted"):
            raise missing(NOUNS.get(kind, kind), identifier, param=param or IDS.get(kind, "id"), named=bool(param))
        return found

    def new(self, prefix: str, kind: str, **values: Any) -> Object:
        """Give the beginning of a new object."""
        return {
            "id": new_id(prefix),
            "object": kind,
            "created": self.state.now(),
            "livemode": False,
            **values,
        }


Run = Callable[[Call], Object]


@dataclass(frozen=True)
class Endpoint:
    """One address of the API."""

    method: str
    path: str
    schema: Schema
    run: Run
    publishable: bool = False


ENDPOINTS: list[Endpoint] = []


def endpoint(
    method: str,
    path: str,
    fields: Mapping[str, Kind] | None = None,
    *,
    required: tuple[str, ...] = (),
    publishable: bool = False,
) -> Callable[[Run], Run]:
    """Enter a function as the endpoint at /v1/`path`."""

    def enter(run: Run) -> Run:
        schema = Schema({**EXPAND, **(fields or {})}, required)
        ENDPOINTS.append(Endpoint(method, f"/v1/{path}", schema, run, publishable))
        return run

    return enter
