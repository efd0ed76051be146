"""Events: what happened, with the object as it then was (https://docs.stripe.com/api/events)."""

from fake_stripe.calls import API_VERSION, Call, endpoint
from fake_stripe.errors import Object
from fake_stripe.listing import Where, page
from fake_stripe.parameters import PAGE, array, boolean, text
from fake_stripe.state import public


def emit(call: Call, name: str, thing: Object, *, previous: Object | None = None) -> None:
    """Record an event and have it delivered."""
    data: Object = {"object": public(thing)}
    if previous is not None:
        data["previous_attributes"] = previous
    event = call.new(
        "evt",
        "event",
        api_version=API_VERSION,
        data=data,
        pending_webhooks=0,
        request={"id": call.request_id, "idempotency_key": call.key},
        type=name,
    )
    call.state.insert(event)
    call.outbox.post(event["id"])


def waiting(call: Call, event: Object) -> Object:
    """Give an event with the number of deliveries still to be made."""
    query = "SELECT count(*) FROM deliveries WHERE event = ?"
    pending = call.state.db.execute(query, (event["id"],)).fetchone()[0]
    return {**event, "pending_webhooks": pending}


@endpoint("GET", "events/{id}")
def retrieve(call: Call) -> Object:
    """Give one event."""
    return waiting(call, call.get("event"))


@endpoint("GET", "events", {**PAGE, "type": text(), "types": array(text()), "delivery_success": boolean})
def index(call: Call) -> Object:
    """List events, newest first, by type (`charge.*` too)."""
    listed = page(call, "event", _conditions(call), url="/v1/events")
    return {**listed, "data": [waiting(call, event) for event in listed["data"]]}


def _conditions(call: Call) -> Where:
    where: Where = []
    if "type" in call.params:
        where.append(("type GLOB ?", call.params["type"]))
    names = call.params.get("types") or []
    if names:
        where.append(("instr(?, ',' || type || ',') > 0", f",{','.join(names)},"))
    if "delivery_success" in call.params:
        where.append(("(id NOT IN (SELECT event FROM deliveries)) = ?", call.params["delivery_success"]))
    return where
