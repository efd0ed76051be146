"""Products, and the price of a basket."""

from django.http import HttpRequest
from ninja import Router

from backoffice import database_clock
from ecommerce.api.responses import responses_for
from ecommerce.api.schemas.catalogue import OrderSummaryResponse, ProductListResponse
from ecommerce.api.schemas.order_requests import OrderSummaryRequest
from ecommerce.api.security import CustomerTokenAuth, authenticated_customer, own_address
from ecommerce.api.throttling import PerCaller
from ecommerce.models import Order, Product
from ecommerce.orders.quotes import QuoteRequest, quote

router = Router(tags=["Catalogue"])


@router.get("/products", response=responses_for(ProductListResponse))
def products(request: HttpRequest) -> ProductListResponse:
    """List the products on sale, each with its SKUs. Needs no token."""
    return ProductListResponse.model_validate({"data": Product.objects.on_sale()})


@router.post(
    "/order-summary",
    response=responses_for(OrderSummaryResponse, 404, 409, 422, signed_in=True),
    auth=CustomerTokenAuth(),
    throttle=PerCaller(),
)
def order_summary(request: HttpRequest, body: OrderSummaryRequest) -> OrderSummaryResponse:
    """Price a basket as an order of it would be charged now. Nothing is created, no stock is reserved.

    With an address it answers the `shipping_options`, the price of the one chosen, and the taxes of the place.
    """
    customer = authenticated_customer(request)
    address = body.address.frozen(default_name="") if body.address else None
    if body.address_id is not None:
        address = own_address(customer, body.address_id).frozen()
    wanted = QuoteRequest(
        items=body.lines,
        coupon_code=body.coupon_code or "",
        customer=customer,
        address=address,
        shipping=body.shipping,
        via=Order.PlacedVia.WEBSITE,
    )
    return OrderSummaryResponse.model_validate({"data": quote(request=wanted, at=database_clock.now())})
