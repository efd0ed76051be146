"""What is on sale, and what a basket of it costs."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from ecommerce.api import schemas
from ecommerce.api.responses import responses_for
from ecommerce.api.schemas import requests
from ecommerce.api.security import CustomerToken
from ecommerce.api.throttling import PerCaller
from ecommerce.models import Product, Sku
from ecommerce.orders.quotes import Quote, quote

router = Router(tags=["Catalogue"])


@router.get("/products", response=responses_for(schemas.ProductList))
def products(request: HttpRequest) -> schemas.ProductList:
    """List the products on sale, each with its SKUs. Needs no token."""
    return schemas.ProductList(data=[_product(product) for product in Product.objects.on_sale()])


def _product(product: Product) -> schemas.Product:
    return schemas.Product(
        id=product.pk,
        name=product.name,
        description=product.description,
        image=product.image,
        shippable=product.shippable,
        skus=[_sku(sku) for sku in product.skus.all()],
    )


def _sku(sku: Sku) -> schemas.Sku:
    return schemas.Sku(
        id=sku.pk,
        product_id=sku.product_id,
        code=sku.code,
        name=sku.name,
        price=sku.price,
        currency=sku.currency,
        image=sku.image,
        inventory_type=sku.inventory_type,
        in_stock=sku.in_stock,
    )


@router.post(
    "/order-summary",
    response=responses_for(schemas.SummaryResponse, 404, 409, 422, signed_in=True),
    auth=CustomerToken(),
    throttle=PerCaller(),
)
def order_summary(request: HttpRequest, basket: requests.Basket) -> schemas.SummaryResponse:
    """Price a basket as an order of it would be charged now. Nothing is created, nothing is held."""
    items, code = requests.wanted(basket.items), basket.coupon_code or ""
    return schemas.SummaryResponse(data=_summary(quote(items=items, coupon_code=code, at=timezone.now())))


def _summary(priced: Quote) -> schemas.Summary:
    totals = priced.totals
    return schemas.Summary(
        items=[
            schemas.SummaryItem(
                sku_id=line.sku.pk,
                name=line.sku.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
                amount=line.amount,
            )
            for line in priced.lines
        ],
        subtotal=totals.subtotal,
        discount=totals.discount,
        shipping=totals.shipping,
        taxes=totals.tax,
        total=totals.total,
        currency=priced.currency,
        shippable=priced.shippable,
        coupon=_coupon(priced),
    )


def _coupon(priced: Quote) -> schemas.Coupon | None:
    coupon = priced.coupon
    if coupon is None:
        return None
    percent = None if coupon.percent_off is None else float(coupon.percent_off)
    return schemas.Coupon(code=coupon.code, percent_off=percent, amount_off=coupon.amount_off)
