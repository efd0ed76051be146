"""The API's documentation: which responses an operation has, with an example of each from `examples.json`."""

import functools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.renderers import BaseRenderer
from pydantic_core import to_json

from ecommerce.api.schemas.errors import ErrorResponse

COMMON_ERRORS = (400, 411, 413, 422, 429)  # any request may get one of these
EXAMPLES = Path(__file__).parent / "examples.json"
JSON = "application/json"
SENTENCE_END = re.compile(r"\.(?:\s+|$)")


def responses_for(schema: Any, *errors: int, signed_in: bool = False, processing: bool = False) -> dict[Any, Any]:
    """Return the `response` argument of an operation; `processing` adds 202 with the same schema."""
    statuses = {*COMMON_ERRORS, *errors, *({401} if signed_in else ())}
    accepted = {202: schema} if processing else {}
    return {200: schema, **accepted, frozenset(statuses): ErrorResponse}


@functools.cache
def examples() -> dict[str, Any]:
    """By operation id: `sent` are the request bodies, each status its responses; "*" holds those of all operations."""
    read: dict[str, Any] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return read


class PydanticRenderer(BaseRenderer):
    """Renders as pydantic does; ninja's own renderer would cut times to milliseconds."""

    media_type = JSON

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:  # noqa: ARG002 - ninja's signature
        return to_json(data)


class DocumentedAPI(NinjaAPI):
    """Makes the first sentence of an operation's docstring its summary, and adds the examples.

    `webhooks_section` returns what is said of webhooks, and the schemas of that.
    """

    webhooks_section: Callable[[], tuple[dict[str, Any], dict[str, Any]]] | None = None

    def get_content_type(self) -> str:
        return JSON  # without a charset: JSON is always UTF-8

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        return _described(self, self.get_root_path(path_params or {}) if path_prefix is None else path_prefix)


@functools.cache  # it is more than a second's work, and anybody may ask for it
def _described(api: DocumentedAPI, prefix: str) -> OpenAPISchema:
    schema = NinjaAPI.get_openapi_schema(api, path_prefix=prefix)
    for operation in operations(schema):
        summary, *rest = SENTENCE_END.split(operation["description"], maxsplit=1)
        operation["summary"], operation["description"] = summary, "".join(rest)
        _add_examples(operation)
    if api.webhooks_section:
        schema["webhooks"], schemas = api.webhooks_section()
        schema["components"]["schemas"] |= schemas
    return schema


def operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in schema["paths"].values():
        yield from path.values()


def _add_examples(operation: dict[str, Any]) -> None:
    own = examples().get(operation["operationId"], {})
    if "requestBody" in operation and "sent" in own:
        operation["requestBody"]["content"][JSON]["examples"] = _example_objects(own["sent"])
    for status, response in operation["responses"].items():
        bodies = {**examples()["*"].get(str(status), {}), **own.get(str(status), {})}
        if bodies:
            response["content"][JSON]["examples"] = _example_objects(bodies)


def _example_objects(bodies: dict[str, Any]) -> dict[str, Any]:
    return {name: {"value": body} for name, body in bodies.items()}
