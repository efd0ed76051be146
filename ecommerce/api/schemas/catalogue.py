"""What is on sale, and what a basket of it costs. Amounts are in the currency's minor unit."""

from typing import Annotated

from pydantic import BaseModel, Field

from ecommerce.api.schemas.orders import one_of

InventoryType = Annotated[str, one_of("infinite", "finite")]


class Coupon(BaseModel):
    """A discount: `percent_off`, or `amount_off` in the order's currency."""

    code: str
    percent_off: float | None
    amount_off: int | None


class SummaryItem(BaseModel):
    """A line, priced."""

    sku_id: int
    name: str
    quantity: int
    unit_price: int
    amount: int


class Summary(BaseModel):
    """What a basket costs now: the very sums an order of it would have."""

    items: list[SummaryItem]
    subtotal: int
    discount: int
    shipping: int
    taxes: int
    total: int
    currency: str
    shippable: bool = Field(description="Whether an order of it needs an address.")
    coupon: Coupon | None


class SummaryResponse(BaseModel):
    """What a basket costs now."""

    data: Summary


class Sku(BaseModel):
    """One kind of a product. `in_stock` says whether one can be ordered now."""

    id: int
    product_id: int
    code: str
    name: str
    price: int
    currency: str
    image: str
    inventory_type: InventoryType
    in_stock: bool


class Product(BaseModel):
    """Something on sale."""

    id: int
    name: str
    description: str
    image: str
    shippable: bool
    skus: list[Sku]


class ProductList(BaseModel):
    """All that is on sale."""

    data: list[Product]
