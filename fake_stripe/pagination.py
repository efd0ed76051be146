"""Lists with cursors (https://docs.stripe.com/api/pagination)."""

from fake_stripe.endpoints import NOUNS, RequestContext, endpoint
from fake_stripe.errors import JsonObject, invalid_parameter, resource_missing
from fake_stripe.parameters import PAGE, not_simulated, text

DEFAULT_LIMIT = 10
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

Conditions = list[tuple[str, object]]


def list_page(context: RequestContext, kind: str, where: Conditions, *, url: str) -> JsonObject:
    after, before = context.params.get("starting_after"), context.params.get("ending_before")
    if after and before:
        raise invalid_parameter(
            "You cannot parameterize both starting_after and ending_before.", param="starting_after"
        )
    limit = context.params.get("limit", DEFAULT_LIMIT)
    bounds = _cursor(context, kind, "starting_after", "<") + _cursor(context, kind, "ending_before", ">")
    found = context.store.select(kind, [*where, *_created(context), *bounds], newest=not before, limit=limit + 1)
    data = found[:limit]
    return {
        "object": "list",
        "data": data[::-1] if before else data,
        "has_more": len(found) > limit,
        "url": url,
    }


def _cursor(context: RequestContext, kind: str, param: str, sign: str) -> Conditions:
    identifier = context.params.get(param)
    if identifier is None:
        return []
    position = context.store.position(kind, identifier)
    if position is None:
        raise resource_missing(NOUNS.get(kind, kind), identifier, param=param, in_parameter=True)
    return [(f"seq {sign} ?", position)]


def _created(context: RequestContext) -> Conditions:
    created = context.params.get("created")
    if isinstance(created, int):
        return [("created = ?", created)]
    return [(f"created {COMPARISONS[name]} ?", value) for name, value in (created or {}).items()]


def filters(context: RequestContext, *params: str) -> Conditions:
    return [(f"{name} = ?", value) for name, value in context.sent(*params).items()]


def list_endpoint(kind: str, *params: str, unsupported: str = "") -> None:
    """Register GET /v1/`kind`s, filtered by columns that are parameters."""
    fields = {**PAGE, **{name: text() for name in params}, **not_simulated(unsupported)}

    @endpoint("GET", f"{kind}s", fields)
    def _list(context: RequestContext) -> JsonObject:
        return list_page(context, kind, filters(context, *params), url=f"/v1/{kind}s")
