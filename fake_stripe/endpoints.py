"""The table of API endpoints, and the request context that an endpoint's function gets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fake_stripe.errors import JsonObject, resource_missing
from fake_stripe.parameters import EXPAND, Parser, Schema, merge_metadata
from fake_stripe.store import Store, new_id
from fake_stripe.webhooks import WebhookSender

API_VERSION = "2026-10-28.endive"
# How Stripe's messages name a kind of object, and the ids in URLs.
NOUNS = {
    "payment_method": "PaymentMethod",
    "setup_intent": "setupintent",
    "tax.calculation": "tax calculation",
    "tax.transaction": "tax transaction",
}
ID_PARAMETERS = {
    "payment_intent": "intent",
    "setup_intent": "intent",
    "payment_method": "payment_method",
    "tax.calculation": "calculation",
    "tax.transaction": "transaction",
}


@dataclass
class RequestContext:
    store: Store
    webhooks: WebhookSender
    refund_delay: int
    params: JsonObject = field(default_factory=dict)
    path: Mapping[str, str] = field(default_factory=dict)
    version: str = API_VERSION
    publishable: bool = False
    base_url: str = ""
    request_id: str | None = None
    idempotency_key: str | None = None

    def get(self, kind: str, param: str = "") -> JsonObject:
        """The object whose id is in the URL, or in the parameter `param`; raise `resource_missing`."""
        identifier = str(self.params[param] if param else self.path["id"])
        found = self.store.find(kind, identifier)
        if found is None or found.get("deleted"):
            name = param or ID_PARAMETERS.get(kind, "id")
            raise resource_missing(NOUNS.get(kind, kind), identifier, param=name, in_parameter=bool(param))
        return found

    def sent(self, *names: str) -> JsonObject:
        """Those of the named parameters that the request has."""
        return {name: self.params[name] for name in names if name in self.params}

    def customer_id(self) -> str | None:
        return str(self.get("customer", "customer")["id"]) if "customer" in self.params else None

    def update_metadata(self, thing: JsonObject) -> None:
        thing["metadata"] = merge_metadata(thing["metadata"], self.params.get("metadata", {}))

    def new_object(self, prefix: str, kind: str, **values: Any) -> JsonObject:
        return {
            "id": new_id(prefix),
            "object": kind,
            "created": self.store.now(),
            "livemode": False,
            **values,
        }


EndpointFunction = Callable[[RequestContext], JsonObject]


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: str
    schema: Schema
    function: EndpointFunction
    publishable: bool = False


ENDPOINTS: list[Endpoint] = []


def endpoint(
    method: str,
    path: str,
    fields: Mapping[str, Parser] | None = None,
    *,
    required: tuple[str, ...] = (),
    publishable: bool = False,
) -> Callable[[EndpointFunction], EndpointFunction]:
    """Register a function as the endpoint at /v1/`path`; `publishable` endpoints take the browser's key, too."""

    def register(function: EndpointFunction) -> EndpointFunction:
        schema = Schema({**EXPAND, **(fields or {})}, required)
        ENDPOINTS.append(Endpoint(method, f"/v1/{path}", schema, function, publishable))
        return function

    return register


def retrieve_endpoint(path: str, kind: str) -> None:
    endpoint("GET", f"{path}/{{id}}")(lambda context: context.get(kind))
