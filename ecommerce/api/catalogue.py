"""What is on sale, and what a basket of it costs."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router

from ecommerce.api import asked, told
from ecommerce.api.documented import answers
from ecommerce.api.security import CustomerToken
from ecommerce.api.throttling import PerCaller
from ecommerce.models import Product, Sku
from ecommerce.orders.quoting import Quote, quote

router = Router(tags=["Catalogue"])


@router.get("/products", response=answers(told.ProductList))
def products(request: HttpRequest) -> told.ProductList:
    """List the products on sale, each with its SKUs. Needs no token."""
    return told.ProductList(data=[_product(product) for product in Product.objects.on_sale()])


def _product(product: Product) -> told.Product:
    return told.Product(
        id=product.pk,
        name=product.name,
        description=product.description,
        image=product.image,
        shippable=product.shippable,
        skus=[_sku(sku) for sku in product.skus.all()],
    )


def _sku(sku: Sku) -> told.Sku:
    return told.Sku(
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
    response=answers(told.SummaryAnswer, 404, 409, 422, signed_in=True),
    auth=CustomerToken(),
    throttle=PerCaller(),
)
def order_summary(request: HttpRequest, basket: asked.Basket) -> told.SummaryAnswer:
    """Price a basket as an order of it would be charged now. Nothing is created, nothing is held."""
    items, code = asked.wanted(basket.items), basket.coupon_code or ""
    return told.SummaryAnswer(data=_summary(quote(items=items, coupon_code=code, at=timezone.now())))


def _summary(priced: Quote) -> told.Summary:
    totals = priced.totals
    return told.Summary(
        items=[
            told.SummaryItem(
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


def _coupon(priced: Quote) -> told.Coupon | None:
    coupon = priced.coupon
    if coupon is None:
        return None
    percent = None if coupon.percent_off is None else float(coupon.percent_off)
    return told.Coupon(code=coupon.code, percent_off=percent, amount_off=coupon.amount_off)
