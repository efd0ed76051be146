"""Orders for staff programs, which authenticate with an API key."""

from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router

from backoffice import database_clock
from backoffice.enqueue import enqueue_on_commit
from customers.mail.notify import notifying
from customers.models import Customer
from ecommerce.api.errors import ApiError
from ecommerce.api.pagination import staff_order_page
from ecommerce.api.responses import responses_for
from ecommerce.api.routes.orders import IdempotencyKey
from ecommerce.api.schemas.order_requests import (
    CancelOrderRequest,
    CorrectAddressRequest,
    CreateOrderForRequest,
    FulfillRequest,
    ListOrdersRequest,
    RefundOrderRequest,
    ReturnRequest,
)
from ecommerce.api.schemas.orders import StaffOrderListResponse, StaffOrderResponse
from ecommerce.api.schemas.payment_links import PaymentLinkResponse
from ecommerce.api.security import ApiKeyAuth, api_key_actor
from ecommerce.api.serializers import (
    ResponseT,
    payment_response,
    refund_response,
    staff_order_response,
    without_client_secret,
)
from ecommerce.api.throttling import PerCaller
from ecommerce.models import ApiKey, Order
from ecommerce.orders.address import correct_address
from ecommerce.orders.cancel import cancel
from ecommerce.orders.cancel_items import cancel_items
from ecommerce.orders.fulfill import fulfill_in_parcels
from ecommerce.orders.payment_links import create_link
from ecommerce.orders.place import NewOrder, place
from ecommerce.orders.refund import refund
from ecommerce.orders.return_order import return_order as request_order_return
from ecommerce.orders.selectors import open_act
from ecommerce.tasks import execute_act

router = Router(tags=["Staff"], throttle=PerCaller())
Permission = ApiKey.Permission


@router.post(
    "/orders",
    auth=ApiKeyAuth(Permission.ADD),
    response=responses_for(StaffOrderResponse, 402, 403, 404, 409, 422, signed_in=True, processing=True),
)
def create_order_for(
    request: HttpRequest, body: CreateOrderForRequest, idempotency_key: IdempotencyKey = ""
) -> HttpResponse:
    """Create an order for a customer (`user_id` or `email`).

    A saved card (`source_id`) or a new one (`gateway_token`) is charged.
    """
    customer = _customer(body)
    address = body.address.frozen(default_name=customer.name or customer.email) if body.address else None
    order = place(
        new_order=NewOrder(
            customer_id=customer.pk,
            items=body.lines,
            via=Order.PlacedVia.API,
            key=idempotency_key,
            coupon_code=body.coupon_code or "",
            address_id=body.address_id,
            new_address=None if body.address_id else address,
            shipping=body.shipping,
            **body.payment_source,
        ),
        by=api_key_actor(request),
        at=database_clock.now(),
    )
    return payment_response(order, staff=True)


@router.get(
    "/orders", auth=ApiKeyAuth(Permission.VIEW), response=responses_for(StaffOrderListResponse, 403, signed_in=True)
)
def list_orders(request: HttpRequest, query: Query[ListOrdersRequest]) -> StaffOrderListResponse:
    """List orders, newest first."""
    orders = Order.objects.filter(**_conditions(query))
    if query.email:
        orders = orders.filter(customer__in=Customer.objects.with_email(query.email))
    return response_for_key(request, staff_order_page(orders, query))


def _customer(body: CreateOrderForRequest) -> Customer:
    customers = Customer.objects.all()
    if body.user_id is not None:
        customers = customers.filter(pk=body.user_id)
    if body.email is not None:
        customers = customers.with_email(body.email)
    customer = customers.first()
    if customer is None:
        field = "email" if body.user_id is None else "user_id"
        raise ApiError("unknown_customer", _("There is no such customer."), field=field)
    return customer


def _conditions(query: ListOrdersRequest) -> dict[str, str | int | datetime]:
    conditions = {
        "status": query.status,
        "customer": query.user_id,
        "created_at__gte": query.created_from,
        "created_at__lt": query.created_before,
    }
    return {lookup: value for lookup, value in conditions.items() if value is not None}


@router.get(
    "/orders/{number}",
    auth=ApiKeyAuth(Permission.VIEW),
    response=responses_for(StaffOrderResponse, 403, 404, signed_in=True),
)
def read_order(request: HttpRequest, number: str) -> StaffOrderResponse:
    """Read an order."""
    return response_for_key(request, staff_order_response(order_by_number(number)))


@router.post(
    "/orders/{number}/fulfill",
    auth=ApiKeyAuth(Permission.FULFILL),
    response=responses_for(StaffOrderResponse, 403, 404, 409, 422, signed_in=True),
)
def fulfill_order(
    request: HttpRequest, number: str, body: FulfillRequest | None = None, idempotency_key: IdempotencyKey = ""
) -> StaffOrderResponse:
    """Send a parcel of a paid order, with all that is left or some `items`; it is fulfilled once nothing is left."""
    body = body or FulfillRequest()
    with notifying(body.notify):
        fulfilled = fulfill_in_parcels(
            order_id=order_by_number(number).pk,
            parcels=[body.parcel],
            request_key=idempotency_key,
            by=api_key_actor(request),
            at=database_clock.now(),
        )
    return response_for_key(request, staff_order_response(fulfilled))


@router.post(
    "/orders/{number}/cancel",
    auth=ApiKeyAuth(Permission.CANCEL),
    response=responses_for(StaffOrderResponse, 403, 404, 409, 422, signed_in=True, processing=True),
)
def cancel_order(
    request: HttpRequest, number: str, body: CancelOrderRequest | None = None, idempotency_key: IdempotencyKey = ""
) -> HttpResponse:
    """Cancel an order that was not sent, or `items` of it. A paid one is refunded first: 202 until it is confirmed.

    Without an `Idempotency-Key`, the same `items` sent again later cancel more of them.
    """
    body = body or CancelOrderRequest()
    order_id, by, at = order_by_number(number).pk, api_key_actor(request), database_clock.now()
    asked: dict[str, Any] = {"order_id": order_id, "reason": body.reason, "by": by, "at": at}
    with notifying(body.notify):
        canceled = cancel_items(**asked, items=body.lines, key=idempotency_key) if body.items else cancel(**asked)
    return _enqueue_refund(canceled)


@router.post(
    "/orders/{number}/return",
    auth=ApiKeyAuth(Permission.RETURN),
    response=responses_for(StaffOrderResponse, 403, 404, 422, signed_in=True, processing=True),
)
def return_order(request: HttpRequest, number: str, body: ReturnRequest | None = None) -> HttpResponse:
    """Take a fulfilled order back. It is refunded first: 202 until Stripe has confirmed it."""
    body = body or ReturnRequest()
    with notifying(body.notify):
        returned = request_order_return(
            order_id=order_by_number(number).pk,
            reason=body.reason,
            restock=body.restock,
            by=api_key_actor(request),
            at=database_clock.now(),
        )
    return _enqueue_refund(returned)


@router.post(
    "/orders/{number}/refund",
    auth=ApiKeyAuth(Permission.REFUND),
    response=responses_for(StaffOrderResponse, 403, 404, 409, 422, signed_in=True, processing=True),
)
def refund_order(
    request: HttpRequest, number: str, body: RefundOrderRequest, idempotency_key: IdempotencyKey = ""
) -> HttpResponse:
    """Refund an amount, items, the shipping, or all that is left; the order's status stays. 202 until it is confirmed.

    Without an `Idempotency-Key`, the same request sent again is another refund.
    """
    with notifying(body.notify):
        refunded = refund(
            order_id=order_by_number(number).pk,
            request=replace(body.refund, key=idempotency_key),
            reason=body.reason,
            by=api_key_actor(request),
            at=database_clock.now(),
        )
    return _enqueue_refund(refunded)


@router.post(
    "/orders/{number}/address",
    auth=ApiKeyAuth(Permission.ADDRESS),
    response=responses_for(StaffOrderResponse, 403, 404, 422, signed_in=True),
)
def correct_order_address(request: HttpRequest, number: str, body: CorrectAddressRequest) -> StaffOrderResponse:
    """Correct the address of an order of which nothing has left, if that changes neither taxes nor shipping."""
    order = order_by_number(number)
    corrected = correct_address(
        order_id=order.pk,
        address=body.address.frozen(default_name=order.customer.name or order.customer.email),
        reason=body.reason,
        by=api_key_actor(request),
        at=database_clock.now(),
    )
    return response_for_key(request, staff_order_response(corrected))


@router.post(
    "/orders/{number}/payment-link",
    auth=ApiKeyAuth(Permission.ADD),
    response=responses_for(PaymentLinkResponse, 403, 404, 422, signed_in=True),
)
def create_payment_link(request: HttpRequest, number: str) -> PaymentLinkResponse:
    """Make a link by which a created order is paid by card without signing in. The one that holds is returned again.

    Whoever has the address can pay the order until `expires_at`: hand it to nobody but its customer.
    """
    link = create_link(order_id=order_by_number(number).pk, by=api_key_actor(request), at=database_clock.now())
    return PaymentLinkResponse.model_validate({"data": {"payment_link": link}})


def _enqueue_refund(order: Order) -> HttpResponse:
    act = open_act(order)
    if act:
        enqueue_on_commit(execute_act, act_id=act.pk)
    return refund_response(order)


def response_for_key(request: HttpRequest, response: ResponseT) -> ResponseT:
    may_charge = cast(ApiKey, request.auth).may(Permission.ADD)  # type: ignore[attr-defined]
    return response if may_charge else without_client_secret(response)


def order_by_number(number: str) -> Order:
    order = Order.objects.filter(number=number).select_related("customer").first()
    if order is None:
        raise ApiError("unknown_order", _("There is no order %(number)s.") % {"number": number[:20]})
    return order
