"""Which answers an operation gives, as the documentation says it."""

from typing import Any

from ecommerce.api import told

ANYBODY = (400, 413, 429)  # what any request may get, whatever it asks
OF_BODY = {400, 413}


def answers(model: Any, *refused: int, signed_in: bool = False, processing: bool = False) -> dict[Any, Any]:
    """Give ninja's table of an operation's answers."""
    statuses = {*ANYBODY, *refused, *({401} if signed_in else ())}
    accepted = {202: model} if processing else {}
    return {200: model, **accepted, frozenset(statuses): told.Refusal}
