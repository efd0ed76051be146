"""Lists as Stripe pages them (https://docs.stripe.com/api/pagination)."""

from fake_stripe.calls import NOUNS, Call
from fake_stripe.errors import Object, malformed, missing

DEFAULT_LIMIT = 10
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

Where = list[tuple[str, object]]


def page(call: Call, kind: str, where: Where, *, url: str) -> Object:
    """Give one page of the objects that meet the conditions, newest first, and whether there are more."""
    after, before = call.params.get("starting_after"), call.params.get("ending_before")
    if after and before:
        raise malformed("You cannot parameterize both starting_after and ending_before.", param="starting_after")
    limit = call.params.get("limit", DEFAULT_LIMIT)
    bounds = _cursor(call, kind, "starting_after", "<") + _cursor(call, kind, "ending_before", ">")
    found = call.state.select(kind, [*where, *_created(call), *bounds], newest=not before, limit=limit + 1)
    data = found[:limit]
    return {
        "object": "list",
        "data": data[::-1] if before else data,
        "has_more": len(found) > limit,
        "url": url,
    }


def _cursor(call: Call, kind: str, param: str, sign: str) -> Where:
    identifier = call.params.get(param)
    if identifier is None:
        return []
    place = call.state.place(kind, identifier)
    if place is None:
        raise missing(NOUNS.get(kind, kind), identifier, param=param, named=True)
    return [(f"seq {sign} ?", place)]


def _created(call: Call) -> Where:
    asked = call.params.get("created")
    if isinstance(asked, int):
        return [("created = ?", asked)]
    return [(f"created {COMPARISONS[name]} ?", value) for name, value in (asked or {}).items()]


def belonging(call: Call, *params: str) -> Where:
    """Give the conditions of filters that are plain columns."""
    return [(f"{name} = ?", call.params[name]) for name in params if name in call.params]
