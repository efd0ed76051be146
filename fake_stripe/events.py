"""Events, each with the object as it was at that time (https://docs.stripe.com/api/events)."""

from fake_stripe.endpoints import API_VERSION, RequestContext, endpoint
from fake_stripe.errors import JsonObject
from fake_stripe.pagination import Conditions, list_page
from fake_stripe.parameters import PAGE, array, boolean, text
from fake_stripe.store import public_fields


def emit(context: RequestContext, name: str, thing: JsonObject, *, previous: JsonObject | None = None) -> None:
    data: JsonObject = {"object": public_fields(thing)}
    if previous is not None:
        data["previous_attributes"] = previous
    event = context.new_object(
        "evt",
        "event",
        api_version=API_VERSION,
        data=data,
        pending_webhooks=0,
        request={"id": context.request_id, "idempotency_key": context.idempotency_key},
        type=name,
    )
    context.store.insert(event)
    context.webhooks.enqueue(event["id"])


def _with_pending_webhooks(context: RequestContext, event: JsonObject) -> JsonObject:
    query = "SELECT count(*) FROM deliveries WHERE event = ?"
    pending = context.store.db.execute(query, (event["id"],)).fetchone()[0]
    return {**event, "pending_webhooks": pending}


@endpoint("GET", "events/{id}")
def retrieve(context: RequestContext) -> JsonObject:
    return _with_pending_webhooks(context, context.get("event"))


@endpoint("GET", "events", {**PAGE, "type": text(), "types": array(text()), "delivery_success": boolean})
def index(context: RequestContext) -> JsonObject:
    events = list_page(context, "event", _conditions(context), url="/v1/events")
    return {**events, "data": [_with_pending_webhooks(context, event) for event in events["data"]]}


def _conditions(context: RequestContext) -> Conditions:
    where: Conditions = []
    if "type" in context.params:
        where.append(("type GLOB ?", context.params["type"]))
    names = context.params.get("types") or []
    if names:
        where.append(("instr(?, ',' || type || ',') > 0", f",{','.join(names)},"))
    if "delivery_success" in context.params:
        where.append(("(id NOT IN (SELECT event FROM deliveries)) = ?", context.params["delivery_success"]))
    return where
