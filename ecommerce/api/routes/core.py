"""Orders for staff programs."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import AfterValidator, AwareDatetime, Field

from billing.tasks import enqueue_on_commit
from customers.models import Customer
from ecommerce.api import schemas
from ecommerce.api.errors import ApiError
from ecommerce.api.pagination import Paging, page
from ecommerce.api.responses import responses_for
from ecommerce.api.routes.orders import IdempotencyKey
from ecommerce.api.schemas import requests
from ecommerce.api.security import StaffKey, key_of
from ecommerce.api.serializers import after_payment, after_refund, complete, found, reread
from ecommerce.api.throttling import PerCaller
from ecommerce.models import ApiKey, Order
from ecommerce.orders.cancel import cancel
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.place import NewOrder, place
from ecommerce.orders.return_order import return_order as request_order_return
from ecommerce.orders.selectors import open_act
from ecommerce.tasks import execute_act

router = Router(tags=["Staff"], throttle=PerCaller())
May = ApiKey.Permission


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(_("write a time that is not so far away")) from error


# PostgreSQL knows fewer time zones than ISO 8601 can write.
Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Filters(Paging):
    """Which orders."""

    status: Literal["created", "paid", "fulfilled", "canceled", "returned"] | None = None
    user_id: requests.Id | None = Field(default=None, description="The customer's id.")
    email: Annotated[str, Field(max_length=requests.MOST_EMAIL, description="The customer's e-mail.")] = ""
    created_from: Moment | None = None
    created_before: Moment | None = None


@router.post(
    "/orders",
    auth=StaffKey(May.ADD),
    response=responses_for(schemas.OrderResponse, 402, 403, 404, 409, 422, signed_in=True, processing=True),
)
def create_order_for(
    request: HttpRequest, wanted: requests.StaffOrder, idempotency_key: IdempotencyKey = ""
) -> HttpResponse:
    """Order for a customer (`user_id`), and charge a saved card (`source_id`) or a new one (`gateway_token`)."""
    customer = Customer.objects.filter(pk=wanted.user_id).first()
    if customer is None:
        raise ApiError("unknown_customer", _("There is no such customer."), field="user_id")
    address = wanted.address.frozen(otherwise=customer.name or customer.email) if wanted.address else None
    order = place(
        new_order=NewOrder(
            customer_id=customer.pk,
            items=requests.wanted(wanted.items),
            via=Order.PlacedVia.API,
            key=idempotency_key,
            coupon_code=wanted.coupon_code or "",
            address_id=wanted.address_id,
            new_address=None if wanted.address_id else address,
            **wanted.chosen,
        ),
        by=key_of(request).actor,
        at=timezone.now(),
    )
    return after_payment(order)


@router.get("/orders", auth=StaffKey(May.VIEW), response=responses_for(schemas.OrderList, 403, signed_in=True))
def list_orders(request: HttpRequest, filters: Query[Filters]) -> schemas.OrderList:
    """List orders, newest first."""
    return page(Order.objects.filter(**_conditions(filters)), filters)


def _conditions(filters: Filters) -> dict[str, str | int | datetime]:
    known = {
        "status": filters.status,
        "customer": filters.user_id,
        "customer__email__iexact": filters.email or None,
        "created_at__gte": filters.created_from,
        "created_at__lt": filters.created_before,
    }
    return {name: value for name, value in known.items() if value is not None}


@router.get(
    "/orders/{number}", auth=StaffKey(May.VIEW), response=responses_for(schemas.OrderResponse, 403, 404, signed_in=True)
)
def read_order(request: HttpRequest, number: str) -> schemas.OrderResponse:
    """Read an order."""
    return found(_order(number))


@router.post(
    "/orders/{number}/fulfill",
    auth=StaffKey(May.FULFILL),
    response=responses_for(schemas.OrderResponse, 403, 404, 422, signed_in=True),
)
def fulfill_order(request: HttpRequest, number: str, sending: requests.Sending | None = None) -> schemas.OrderResponse:
    """Fulfill a paid order."""
    how = sending or requests.Sending()
    fulfilled = fulfill(
        order_id=_order(number).pk,
        by=key_of(request).actor,
        at=timezone.now(),
        carrier=how.carrier,
        tracking_number=how.tracking_number,
    )
    return found(reread(fulfilled))


@router.post(
    "/orders/{number}/cancel",
    auth=StaffKey(May.CANCEL),
    response=responses_for(schemas.OrderResponse, 403, 404, 422, signed_in=True, processing=True),
)
def cancel_order(request: HttpRequest, number: str, why: requests.Cancelling | None = None) -> HttpResponse:
    """Cancel an order that is not fulfilled. A paid one is refunded first: 202 until Stripe has said yes."""
    reason = (why or requests.Cancelling()).reason
    canceled = cancel(order_id=_order(number).pk, reason=reason, by=key_of(request).actor, at=timezone.now())
    return _refunding(canceled)


@router.post(
    "/orders/{number}/return",
    auth=StaffKey(May.RETURN),
    response=responses_for(schemas.OrderResponse, 403, 404, 422, signed_in=True, processing=True),
)
def return_order(request: HttpRequest, number: str, why: requests.Returning | None = None) -> HttpResponse:
    """Take a fulfilled order back. It is refunded first: 202 until Stripe has said yes."""
    how = why or requests.Returning()
    returned = request_order_return(
        order_id=_order(number).pk,
        reason=how.reason,
        restock=how.restock,
        by=key_of(request).actor,
        at=timezone.now(),
    )
    return _refunding(returned)


def _refunding(order: Order) -> HttpResponse:
    act = open_act(order)
    if act:
        enqueue_on_commit(execute_act, act_id=act.pk)
    return after_refund(order)


def _order(number: str) -> Order:
    order = complete(Order.objects.filter(number=number)).first()
    if order is None:
        raise ApiError("unknown_order", _("There is no order %(number)s.") % {"number": number[:20]})
    return order
