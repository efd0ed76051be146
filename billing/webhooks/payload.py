"""Read the body of a signed webhook: its shape is checked, since only the signature is known to be Stripe's."""

import json
import math
from typing import Any, NoReturn

MAX_DEPTH = 50  # Stripe's own events have less than ten; PostgreSQL and the JSON encoder give up on thousands
MAX_ID, MAX_TYPE = 255, 100


class InvalidEvent(ValueError):
    """A body that is no event; its text says why."""


def read_event(body: str) -> dict[str, Any]:
    """Return the event of a body; raise InvalidEvent unless it has an id and a type, and can be stored."""
    try:
        event = json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidEvent(f"The body is not JSON: {error}") from error
    if not isinstance(event, dict):
        raise InvalidEvent("The body is not an object.")
    for name, longest in (("id", MAX_ID), ("type", MAX_TYPE)):
        if not _is_text(event.get(name), longest):
            raise InvalidEvent(f"The event's {name} is not a text of 1 to {longest} characters.")
    _check_storable(event)
    return event


def event_object(event: dict[str, Any]) -> dict[str, Any]:
    """Return what the event is about; empty where it does not say, as those of Stripe's API v2 don't."""
    data = event.get("data")
    found = data.get("object") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def id_in(event: dict[str, Any], field: str) -> str:
    """Return the id in a field of the event's object; empty where there is none."""
    value = event_object(event).get(field)
    if isinstance(value, dict):
        value = value.get("id")  # expanded, as some API versions send it
    return value if isinstance(value, str) and _is_text(value, MAX_ID) else ""


# What processing reads of an event's object: ids and states, nothing of a person.
NEEDED = ("id", "object", "status", "amount", "amount_refunded", "currency", "payment_intent", "metadata", "refunds")


def without_person(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event without all that names somebody: no name, e-mail, address or card."""
    found = event_object(event)
    kept = {name: found[name] for name in NEEDED if name in found}
    return {"id": event["id"], "type": event["type"], "data": {"object": kept}}


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and len(value.strip()) > 0 and len(value) <= longest


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON.")


def _check_storable(event: dict[str, Any]) -> None:
    """Refuse what PostgreSQL's jsonb can't hold. A loop, since a recursion could itself be too deep."""
    level: list[Any] = [event]
    for _depth in range(MAX_DEPTH):
        if not level:
            return
        level = [child for value in level for child in _children(value)]
    raise InvalidEvent(f"The body is nested deeper than {MAX_DEPTH} levels.")


def _children(value: Any) -> list[Any]:
    match value:
        case dict():
            return [*value.keys(), *value.values()]
        case list():
            return value
        case str() if "\0" in value or any("\ud800" <= each <= "\udfff" for each in value):
            raise InvalidEvent("The body has characters that are no text.")
        case float() if not math.isfinite(value):
            raise InvalidEvent("The body has a number that is too large.")
        case _:
            return []
