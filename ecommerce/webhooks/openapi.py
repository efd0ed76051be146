"""The `webhooks` section of the API's documentation: each type of event with the schema of its body."""

from typing import Any

from pydantic.json_schema import models_json_schema

from ecommerce.webhooks.events import EVENT_TYPES, TEST
from ecommerce.webhooks.schemas import (
    Customer,
    DeletedCustomer,
    Dispute,
    Event,
    Order,
    Refund,
    Return,
    Sku,
    TestedEndpoint,
)
from ecommerce.webhooks.words import WORDS

# The API has schemas of the same names.
REF = "#/components/schemas/Webhook{model}"
BODIES: dict[str, Any] = {
    "order": Event[Order],
    "refund": Event[Refund],
    "dispute": Event[Dispute],
    "return": Event[Return],
    "customer": Event[Customer | DeletedCustomer],
    "sku": Event[Sku],
    "webhook_endpoint": Event[TestedEndpoint],
}
HEADERS = [
    {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature", "x-pelcro-hmac-sha256")
]
ANSWERS = {"2XX": {"description": "The event was taken. Whatever else is answered, it comes again."}}


def webhooks_section() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the section, and the schemas that it refers to."""
    modes: Any = [(body, "serialization") for body in BODIES.values()]
    references, definitions = models_json_schema(modes, by_alias=False, ref_template=REF)
    body_of = {object_type: references[body, "serialization"] for object_type, body in BODIES.items()}
    types = {**EVENT_TYPES, TEST: "webhook_endpoint"}
    section = {name: {"post": _operation(name, body_of[of])} for name, of in types.items()}
    return section, {f"Webhook{name}": schema for name, schema in definitions["$defs"].items()}


def _operation(name: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": f"webhook_{name.replace('.', '_')}",
        "summary": str(WORDS.get(name, "Somebody sent a test event.")),
        "parameters": HEADERS,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": ANSWERS,
    }
