"""Lines of tax calculations and transactions: their pages, and what `expand` adds to them."""

from typing import Any

from fake_stripe.endpoints import RequestContext
from fake_stripe.errors import JsonObject, invalid_parameter, resource_missing

INCLUDED = 10  # lines inside an expanded object, as in every list of Stripe's that names no limit


def shown(context: RequestContext, thing: JsonObject) -> JsonObject:
    """A calculation or transaction with those fields that `expand` names."""
    response = dict(thing)
    kind = thing["object"].removeprefix("tax.")
    lines = _expanded(context, "line_items")
    with_taxes = kind == "calculation" and _expanded(context, "line_items.data.tax_breakdown")
    if lines or with_taxes:
        url = f"/v1/tax/{kind}s/{thing['id']}/line_items"
        page = [_line(each, taxes=with_taxes) for each in thing["_lines"][:INCLUDED]]
        response["line_items"] = _list(page, more=len(thing["_lines"]) > INCLUDED, url=url)
    shipping_taxes = _expanded(context, "shipping_cost.tax_breakdown")
    if thing["shipping_cost"]:
        response["shipping_cost"] = _line(thing["shipping_cost"], taxes=shipping_taxes)
    return response


def line_page(context: RequestContext, thing: JsonObject, *, url: str) -> JsonObject:
    """The lines in their own order, which is that of the request."""
    params = context.params
    if "starting_after" in params and "ending_before" in params:
        message = "You cannot parameterize both starting_after and ending_before."
        raise invalid_parameter(message, param="starting_after")
    lines, limit = thing["_lines"], params.get("limit", INCLUDED)
    first = _position(lines, params, "starting_after") + 1 if "starting_after" in params else 0
    end = _position(lines, params, "ending_before") if "ending_before" in params else first + limit
    if "ending_before" in params:
        first = max(0, end - limit)
    taxes = thing["object"] == "tax.calculation" and _expanded(context, "data.tax_breakdown")
    more = first > 0 if "ending_before" in params else end < len(lines)
    return _list([_line(each, taxes=taxes) for each in lines[first:end]], more=more, url=url)


def _position(lines: list[JsonObject], params: JsonObject, name: str) -> int:
    ids = [line["id"] for line in lines]
    if params[name] not in ids:
        raise resource_missing("tax line item", params[name], param=name, in_parameter=True)
    return ids.index(params[name])


def _expanded(context: RequestContext, path: str) -> bool:
    # What is done here is taken out of `expand`; whatever is left there is refused afterwards.
    paths = context.params.get("expand") or []
    context.params["expand"] = [each for each in paths if each != path]
    return path in paths


def _line(line: JsonObject, *, taxes: bool) -> JsonObject:
    public: dict[str, Any] = {name: value for name, value in line.items() if not name.startswith("_")}
    return {**public, "tax_breakdown": line["_taxes"]} if taxes and "_taxes" in line else public


def _list(data: list[JsonObject], *, more: bool, url: str) -> JsonObject:
    return {"object": "list", "data": data, "has_more": more, "url": url}
