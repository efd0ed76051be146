"""Products and priced baskets in responses. Amounts are in the currency's minor unit."""

from typing import Annotated

from ninja import Field, Schema

from ecommerce.api.schemas.orders import string_enum

InventoryType = Annotated[str, string_enum("infinite", "finite")]


class Coupon(Schema):
    """A discount: `percent_off`, or `amount_off` in the order's currency."""

    code: str
    percent_off: float | None
    amount_off: int | None


class OrderSummaryItem(Schema):
    sku_id: int = Field(alias="sku.pk")
    name: str = Field(alias="sku.description")
    quantity: int
    unit_price: int
    amount: int


class OrderSummary(Schema):
    """What a basket costs now: the very sums an order of it would have."""

    items: list[OrderSummaryItem] = Field(alias="lines")
    subtotal: int = Field(alias="totals.subtotal")
    discount: int = Field(alias="totals.discount")
    shipping: int = Field(alias="totals.shipping")
    taxes: int = Field(alias="totals.tax")
    total: int = Field(alias="totals.total")
    currency: str
    shippable: bool = Field(description="Whether an order of it needs an address.")
    coupon: Coupon | None


class OrderSummaryResponse(Schema):
    data: OrderSummary


class Sku(Schema):
    """A variant of a product. `in_stock` says whether one can be ordered now."""

    id: int
    product_id: int
    code: str
    name: str
    price: int
    currency: str
    image: str
    inventory_type: InventoryType
    in_stock: bool


class Product(Schema):
    id: int
    name: str
    description: str
    image: str
    shippable: bool
    skus: list[Sku]


class ProductListResponse(Schema):
    """All products on sale."""

    data: list[Product]
