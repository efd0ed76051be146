"""A customer's orders."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import Header, Query, Router

from ecommerce.api import schemas
from ecommerce.api.errors import ApiError
from ecommerce.api.pagination import Paging, page
from ecommerce.api.responses import responses_for
from ecommerce.api.schemas import requests
from ecommerce.api.security import CustomerToken, acting, customer_of
from ecommerce.api.serializers import after_payment, complete, found
from ecommerce.api.throttling import PerCaller
from ecommerce.models import Order
from ecommerce.orders.errors import OrderError
from ecommerce.orders.pay import confirm, pay
from ecommerce.orders.place import NewOrder, place

router = Router(tags=["Orders"], auth=CustomerToken(), throttle=PerCaller())
NAMING = {
    "wrong_status": gettext_lazy("Order %(number)s is %(status)s; only a created order can be paid."),
    "in_progress": gettext_lazy("Order %(number)s waits for Stripe: look again in a moment."),
}
IdempotencyKey = Annotated[
    str,
    Header(
        "",
        alias="Idempotency-Key",
        max_length=255,
        description="Yours, unique for each order: sent again with the same body, it gives the same order.",
    ),
]


@router.post(
    "/order", response=responses_for(schemas.OrderResponse, 402, 404, 409, 422, signed_in=True, processing=True)
)
def create_order(request: HttpRequest, wanted: requests.NewOrder, idempotency_key: IdempotencyKey = "") -> HttpResponse:
    """Order, and pay. 202 means that the payment is still being confirmed: ask for the order again.

    With 402 the order is kept, unpaid: pay it with another card, or let the customer authenticate and confirm.
    """
    customer = customer_of(request)
    order = place(
        new_order=NewOrder(
            customer_id=customer.pk,
            items=requests.wanted(wanted.items),
            via=Order.PlacedVia.WEBSITE,
            key=idempotency_key,
            coupon_code=wanted.coupon_code or "",
            address_id=wanted.address_id,
            **wanted.chosen,
        ),
        by=acting(customer),
        at=timezone.now(),
    )
    return after_payment(order)


@router.get("/orders", response=responses_for(schemas.OrderList, signed_in=True))
def list_own_orders(request: HttpRequest, paging: Query[Paging]) -> schemas.OrderList:
    """List one's own orders, newest first."""
    return page(Order.objects.filter(customer=customer_of(request)), paging)


@router.get("/orders/{number}", response=responses_for(schemas.OrderResponse, 404, signed_in=True))
def read_own_order(request: HttpRequest, number: str) -> schemas.OrderResponse:
    """Read one of one's own orders."""
    return found(_own(request, number))


@router.post(
    "/orders/{number}/pay",
    response=responses_for(schemas.OrderResponse, 402, 404, 409, 422, signed_in=True, processing=True),
)
def pay_order(request: HttpRequest, number: str, means: requests.Means) -> HttpResponse:
    """Pay an order whose card was declined, with another card; an authentication that is still open ends."""
    order = _own(request, number)
    try:
        paid = pay(order_id=order.pk, by=acting(customer_of(request)), at=timezone.now(), **means.chosen)
    except OrderError as refused:
        raise _naming_nobody(refused, _own(request, number)) from refused
    return after_payment(paid)


def _naming_nobody(refused: OrderError, order: Order) -> OrderError:
    """Leave out who of the staff did what, which is no business of customers."""
    if refused.code not in NAMING:
        return refused
    known = {"number": order.number, "status": order.get_status_display().lower()}
    return OrderError(refused.code, str(NAMING[refused.code]) % known)


@router.post(
    "/orders/{number}/confirm", response=responses_for(schemas.OrderResponse, 402, 404, signed_in=True, processing=True)
)
def confirm_order(request: HttpRequest, number: str) -> HttpResponse:
    """Ask how an authentication (3-D Secure) ended, once Stripe.js is done."""
    return after_payment(confirm(order_id=_own(request, number).pk, at=timezone.now()))


def _own(request: HttpRequest, number: str) -> Order:
    order = complete(Order.objects.filter(customer=customer_of(request), number=number)).first()
    if order is None:
        raise ApiError("unknown_order", _("You have no order %(number)s.") % {"number": number[:20]})
    return order
