"""Products and priced baskets in responses. Amounts are in the currency's minor unit."""

from typing import Annotated, Any

from ninja import Field, Schema

from ecommerce.api.schemas.rows import Percent, string_enum

InventoryType = Annotated[str, string_enum("infinite", "finite")]


class Coupon(Schema):
    """A discount: `percent_off`, or `amount_off` in the order's currency."""

    code: str
    percent_off: float | None
    amount_off: int | None


class OrderSummaryItem(Schema):
    """`discount` is the item's share of the coupon; `tax` that of all its taxes."""

    sku_id: int = Field(alias="sku.pk")
    name: str = Field(alias="sku.description")
    quantity: int
    unit_price: int
    amount: int
    discount: int = Field(alias="priced.discount")
    tax: int = Field(alias="priced.tax")


class ShippingOption(Schema):
    """A way to ship it: `days` are the fewest and the most that it takes, null where that is not known."""

    id: int = Field(alias="rate_id")
    name: str
    price: int
    days: list[int] | None

    @staticmethod
    def resolve_days(option: Any) -> list[int] | None:
        return None if option.days_from is None else [option.days_from, option.days_to]


class SummaryTaxLine(Schema):
    """A tax, over all items and the shipping. `rate` is in percent; `reason` says why one of 0 % is not charged."""

    country: str = Field(alias="tax.country")
    region: str = Field(alias="tax.region")
    name: str = Field(alias="tax.name")
    rate: Percent = Field(alias="tax.percent")
    category: str = Field(alias="tax.category")
    reason: str = Field(alias="tax.reason")
    taxable: int
    amount: int


class OrderSummary(Schema):
    """What a basket costs now: the very sums an order of it would have.

    Without an address, the shipping is not known and `taxes` are those of the customer's billing address or the shop.
    """

    items: list[OrderSummaryItem] = Field(alias="lines")
    subtotal: int = Field(alias="totals.subtotal")
    discount: int = Field(alias="totals.discount")
    shipping: int = Field(alias="totals.shipping")
    taxes: int = Field(alias="totals.tax")
    tax_lines: list[SummaryTaxLine] = Field(alias="totals.taxes")
    prices_include_tax: bool = Field(alias="totals.prices_include_tax")
    shipping_options: list[ShippingOption]
    shipping_rate_id: int | None = Field(None, alias="shipping_option.rate_id")
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
