"""Products, and the price of a basket."""

from django.http import HttpRequest
from ninja import Router

from backoffice import database_clock
from ecommerce.api.responses import responses_for
from ecommerce.api.schemas.catalogue import OrderSummaryResponse, ProductListResponse
from ecommerce.api.schemas.requests import BasketRequest
from ecommerce.api.security import CustomerTokenAuth
from ecommerce.api.throttling import PerCaller
from ecommerce.models import Product
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
def order_summary(request: HttpRequest, body: BasketRequest) -> OrderSummaryResponse:
    """Price a basket as an order of it would be charged now. Nothing is created, no stock is reserved."""
    request_ = QuoteRequest(items=body.lines, coupon_code=body.coupon_code or "")
    priced = quote(request=request_, at=database_clock.now())
    return OrderSummaryResponse.model_validate({"data": priced})
