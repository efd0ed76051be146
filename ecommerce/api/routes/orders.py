"""Orders of the signed-in customer."""

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import Header, Query, Router

from backoffice import database_clock
from customers.accounts import own_rows
from customers.client_address import counted_address
from customers.models import Customer
from ecommerce.api.errors import ApiError
from ecommerce.api.pagination import order_page
from ecommerce.api.responses import responses_for
from ecommerce.api.schemas.order_requests import CreateOrderRequest, PageRequest, PayOrderRequest
from ecommerce.api.schemas.orders import OrderListResponse, OrderResponse
from ecommerce.api.security import CustomerTokenAuth, authenticated_customer, customer_actor, own_address, own_orders
from ecommerce.api.serializers import order_response, payment_response, with_response_relations
from ecommerce.api.throttling import PerCaller
from ecommerce.models import Order
from ecommerce.orders.errors import OrderError
from ecommerce.orders.pay import confirm, pay
from ecommerce.orders.place import NewOrder, place

router = Router(tags=["Orders"], auth=CustomerTokenAuth(), throttle=PerCaller())
# Sentences for customers, in place of those that name staff.
CUSTOMER_SENTENCES = {
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


@router.post("/order", response=responses_for(OrderResponse, 402, 404, 409, 422, signed_in=True, processing=True))
def create_order(request: HttpRequest, body: CreateOrderRequest, idempotency_key: IdempotencyKey = "") -> HttpResponse:
    """Create an order and pay it. 202 means that the payment is still being confirmed: read the order again.

    With 402 the order is kept, unpaid: pay it with another card, or let the customer authenticate and confirm.
    """
    customer = authenticated_customer(request)
    if body.address_id is not None:
        own_address(customer, body.address_id)
    _check_own_card(customer, body.source_id)
    order = place(
        new_order=NewOrder(
            customer_id=customer.pk,
            items=body.lines,
            via=Order.PlacedVia.WEBSITE,
            key=idempotency_key,
            coupon_code=body.coupon_code or "",
            address_id=body.address_id,
            shipping=body.shipping,
            expected_total=body.expected_total,
            **body.payment_source,
        ),
        by=customer_actor(customer, address=counted_address(request)),
        at=database_clock.now(),
    )
    return payment_response(order)


@router.get("/orders", response=responses_for(OrderListResponse, signed_in=True))
def list_own_orders(request: HttpRequest, query: Query[PageRequest]) -> OrderListResponse:
    """List one's own orders, newest first."""
    return order_page(own_orders(authenticated_customer(request)), query)


@router.get("/orders/{number}", response=responses_for(OrderResponse, 404, signed_in=True))
def read_own_order(request: HttpRequest, number: str) -> OrderResponse:
    """Read one of one's own orders."""
    return order_response(own_order(request, number))


@router.post(
    "/orders/{number}/pay",
    response=responses_for(OrderResponse, 402, 404, 409, 422, signed_in=True, processing=True),
)
def pay_order(request: HttpRequest, number: str, body: PayOrderRequest) -> HttpResponse:
    """Pay an order whose card was declined, with another card. An authentication that is still open ends.

    Where its price has changed since, 409 `price_changed` names the new `total`: send that as `expected_total`.
    """
    order = own_order(request, number)
    _check_own_card(authenticated_customer(request), body.source_id)
    try:
        paid = pay(
            order_id=order.pk,
            by=customer_actor(authenticated_customer(request), address=counted_address(request)),
            at=database_clock.now(),
            expected_total=body.expected_total,
            **body.payment_source,
        )
    except OrderError as error:
        raise _for_customer(error, own_order(request, number)) from error
    return payment_response(paid)


def _for_customer(error: OrderError, order: Order) -> OrderError:
    """Customers are not told who of the staff did what."""
    if error.code not in CUSTOMER_SENTENCES:
        return error
    names = {"number": order.number, "status": order.get_status_display().lower()}
    return OrderError(error.code, str(CUSTOMER_SENTENCES[error.code]) % names)


@router.post(
    "/orders/{number}/confirm", response=responses_for(OrderResponse, 402, 404, signed_in=True, processing=True)
)
def confirm_order(request: HttpRequest, number: str) -> HttpResponse:
    """Fetch the result of an authentication (3-D Secure), once Stripe.js is done."""
    return payment_response(confirm(order_id=own_order(request, number).pk, at=database_clock.now()))


def _check_own_card(customer: Customer, card_id: int | None) -> None:
    if card_id is not None and not own_rows(customer.cards.all(), customer).filter(pk=card_id).exists():
        raise OrderError("unknown_source", _("This customer has no such card."), field="source_id")


def own_order(request: HttpRequest, number: str) -> Order:
    order = with_response_relations(own_orders(authenticated_customer(request)).filter(number=number)).first()
    if order is None:
        raise ApiError("unknown_order", _("You have no order %(number)s.") % {"number": number[:20]})
    return order
