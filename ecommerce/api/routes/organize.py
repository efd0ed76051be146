"""How staff programs organize orders: tags, notes, holds, who takes care of them, and when parcels were delivered."""

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from backoffice import database_clock
from customers.models import User
from ecommerce.api.errors import ApiError
from ecommerce.api.responses import responses_for
from ecommerce.api.routes.core import order_by_number, response_for_key
from ecommerce.api.schemas.order_requests import (
    AddNoteRequest,
    AssignRequest,
    ChangeTagsRequest,
    HoldRequest,
    RecordDeliveryRequest,
)
from ecommerce.api.schemas.orders import StaffOrderResponse
from ecommerce.api.security import ApiKeyAuth, api_key_actor
from ecommerce.api.serializers import staff_order_response
from ecommerce.api.throttling import PerCaller
from ecommerce.models import ApiKey, Order
from ecommerce.notes import add_note
from ecommerce.orders.assign import assign
from ecommerce.orders.delivery import record_delivery
from ecommerce.orders.hold import hold, release
from ecommerce.orders.tags import tag

router = Router(tags=["Staff"], throttle=PerCaller())
Permission = ApiKey.Permission
RESPONSES = responses_for(StaffOrderResponse, 403, 404, 422, signed_in=True)


@router.post("/orders/{number}/hold", auth=ApiKeyAuth(Permission.HOLD), response=RESPONSES)
def hold_order(request: HttpRequest, number: str, body: HoldRequest) -> StaffOrderResponse:
    """Keep an order from being sent, until it is released, or until a moment."""
    order = order_by_number(number)
    by, at = api_key_actor(request), database_clock.now()
    return _changed(request, hold(order_id=order.pk, reason=body.reason, until=body.until, by=by, at=at))


@router.post("/orders/{number}/release", auth=ApiKeyAuth(Permission.HOLD), response=RESPONSES)
def release_order(request: HttpRequest, number: str) -> StaffOrderResponse:
    """Let an order that is on hold be sent again."""
    order = order_by_number(number)
    return _changed(request, release(order_id=order.pk, by=api_key_actor(request), at=database_clock.now()))


@router.post("/orders/{number}/tags", auth=ApiKeyAuth(Permission.ORGANIZE), response=RESPONSES)
def change_order_tags(request: HttpRequest, number: str, body: ChangeTagsRequest) -> StaffOrderResponse:
    """Add and remove tags by their names; a tag that does not exist yet is made. Sent again, nothing changes."""
    order = order_by_number(number)
    by, at = api_key_actor(request), database_clock.now()
    return _changed(request, tag(order_id=order.pk, add=body.add, remove=body.remove, by=by, at=at))


@router.post("/orders/{number}/notes", auth=ApiKeyAuth(Permission.ORGANIZE), response=RESPONSES)
def add_order_note(request: HttpRequest, number: str, body: AddNoteRequest) -> StaffOrderResponse:
    """Write a note for staff; those whose @username it has get a mail."""
    order = order_by_number(number)
    add_note(order_id=order.pk, text=body.text, by=api_key_actor(request), at=database_clock.now())
    return _changed(request, order)


@router.post("/orders/{number}/assignee", auth=ApiKeyAuth(Permission.ORGANIZE), response=RESPONSES)
def assign_order(request: HttpRequest, number: str, body: AssignRequest) -> StaffOrderResponse:
    """Say who takes care of an order: a member of staff by username, or nobody."""
    order, assignee_id = order_by_number(number), None
    if body.username is not None:
        assignee_id = User.objects.filter(username=body.username).values_list("pk", flat=True).first()
        if assignee_id is None:
            raise ApiError("unknown_assignee", _("Nobody has this username."), field="username")
    by, at = api_key_actor(request), database_clock.now()
    return _changed(request, assign(order_id=order.pk, assignee_id=assignee_id, by=by, at=at))


@router.post(
    "/orders/{number}/fulfillments/{fulfillment_id}/delivered", auth=ApiKeyAuth(Permission.FULFILL), response=RESPONSES
)
def record_parcel_delivery(
    request: HttpRequest, number: str, fulfillment_id: int, body: RecordDeliveryRequest | None = None
) -> StaffOrderResponse:
    """Record when a parcel arrived, now if no time is given: the times for returning it count from then."""
    now = database_clock.now()
    delivered = record_delivery(
        order_id=order_by_number(number).pk,
        parcel_id=fulfillment_id,
        delivered_at=(body or RecordDeliveryRequest()).delivered_at or now,
        by=api_key_actor(request),
        at=now,
    )
    return _changed(request, delivered)


def _changed(request: HttpRequest, order: Order) -> StaffOrderResponse:
    return response_for_key(request, staff_order_response(order))
