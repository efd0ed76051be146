"""What the documentation says: which answers an operation gives, and an example of each.

The examples are in `examples.json`; a test produces every one of them anew, and fails where an answer has none.
"""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.renderers import BaseRenderer
from pydantic_core import to_json

from ecommerce.api import schemas

ANYBODY = (400, 411, 413, 422, 429)  # what any request may get, whatever it asks
EXAMPLES = Path(__file__).parent / "examples.json"
JSON = "application/json"
SENTENCE_END = re.compile(r"\.(?:\s+|$)")


def responses_for(model: Any, *refused: int, signed_in: bool = False, processing: bool = False) -> dict[Any, Any]:
    """Give ninja's table of an operation's answers."""
    statuses = {*ANYBODY, *refused, *({401} if signed_in else ())}
    accepted = {202: model} if processing else {}
    return {200: model, **accepted, frozenset(statuses): schemas.ErrorResponse}


@functools.cache
def examples() -> dict[str, Any]:
    """Read the examples: for each operation what is sent, and for each status what is answered; "*" is for all."""
    read: dict[str, Any] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return read


class Renderer(BaseRenderer):
    """Writes every answer as pydantic does; ninja's own would cut times to milliseconds."""

    media_type = JSON

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:  # noqa: ARG002 - as ninja asks
        """Write an answer."""
        return to_json(data)


class DocumentedAPI(NinjaAPI):
    """Adds to ninja's description a sentence as the title of each operation, and the examples."""

    def get_content_type(self) -> str:
        """Name what is answered; JSON is UTF-8 and says no more."""
        return JSON

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """Name an operation as its function is named."""
        return operation.view_func.__name__

    def get_openapi_schema(self, **kwargs: Any) -> OpenAPISchema:
        """Describe the API."""
        schema = super().get_openapi_schema(**kwargs)
        for operation in operations(schema):
            summary, *rest = SENTENCE_END.split(operation["description"], maxsplit=1)
            operation["summary"], operation["description"] = summary, "".join(rest)
            _exemplify(operation)
        return schema


def operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give each operation of a description."""
    for path in schema["paths"].values():
        yield from path.values()


def _exemplify(operation: dict[str, Any]) -> None:
    own = examples().get(operation["operationId"], {})
    if "requestBody" in operation and "sent" in own:
        operation["requestBody"]["content"][JSON]["examples"] = _named(own["sent"])
    for status, answer in operation["responses"].items():
        found = {**examples()["*"].get(str(status), {}), **own.get(str(status), {})}
        if found:
            answer["content"][JSON]["examples"] = _named(found)


def _named(found: dict[str, Any]) -> dict[str, Any]:
    return {name: {"value": value} for name, value in found.items()}
