"""What callers get. Amounts are integers in the currency's minor unit, times are ISO 8601 with offset."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, WithJsonSchema

PAYMENT_STATUSES = (
    "unpaid",
    "processing",
    "requires_action",
    "failed",
    "paid",
    "refund_in_progress",
    "refund_pending",
    "refund_failed",
    "partially_refunded",
    "refunded",
    "disputed",
)


def _one_of(*choices: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(choices)})


PaymentStatus = Annotated[str, _one_of(*PAYMENT_STATUSES)]
OrderStatus = Annotated[str, _one_of("created", "paid", "fulfilled", "canceled", "returned")]
InvoiceStatus = Annotated[str, _one_of("draft", "open", "paid", "void", "uncollectible")]
PlacedVia = Annotated[str, _one_of("staff", "website", "api")]
InventoryType = Annotated[str, _one_of("infinite", "finite")]
AddressType = Annotated[str, _one_of("shipping", "billing")]


class Item(BaseModel):
    """A line of an order, frozen when it was placed."""

    id: int
    product_sku_id: int
    product_sku_name: str
    product_sku_code: str
    quantity: int
    unit_price: int
    amount: int


class FrozenAddress(BaseModel):
    """Where an order goes, frozen when it was placed."""

    name: str
    line1: str
    line2: str
    city: str
    state: str
    postal_code: str
    country: str


class Transitions(BaseModel):
    """When an order became what it is; null for what it never was."""

    paid: datetime | None
    fulfilled: datetime | None
    canceled: datetime | None
    returned: datetime | None


class Invoice(BaseModel):
    """The order's one invoice."""

    number: str
    status: InvoiceStatus
    amount_paid: int
    amount_refunded: int


class Person(BaseModel):
    """Whose order it is."""

    id: int
    email: str
    first_name: str
    last_name: str


class Fulfillment(BaseModel):
    """How an order was sent."""

    carrier: str
    tracking_number: str
    at: datetime


class Order(BaseModel):
    """An order. `amount` is its total; `payment_error` the bank's words while its payment failed.

    `client_secret` is there while the customer has to authenticate (3-D Secure): hand it to Stripe.js.
    """

    id: int
    object: Literal["order"] = "order"
    number: str
    status: OrderStatus
    payment_status: PaymentStatus
    payment_error: str | None
    client_secret: str | None
    amount: int
    subtotal: int
    discount: int
    shipping: int
    taxes: int
    amount_refunded: int
    currency: str
    coupon_code: str | None
    created: datetime
    status_transitions: Transitions
    placed_via: PlacedVia
    customer: Person
    address: FrozenAddress | None
    items: list[Item]
    invoice: Invoice | None
    source: "CardMark | None"
    fulfillment: Fulfillment | None


class CardMark(BaseModel):
    """What may be shown of a card."""

    brand: str
    last4: str


class OrderData(BaseModel):
    """One order."""

    order: Order


class OrderAnswer(BaseModel):
    """One order."""

    data: OrderData


class Page(BaseModel):
    """Where the next page starts: give `next` as `starting_after`."""

    has_more: bool
    next: str | None


class OrderList(BaseModel):
    """Orders, newest first."""

    data: list[Order]
    meta: Page


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


class SummaryAnswer(BaseModel):
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


class Address(FrozenAddress):
    """A saved address."""

    id: int
    type: AddressType
    is_default: bool


class Source(CardMark):
    """A saved card."""

    id: int
    exp_month: int
    exp_year: int
    is_default: bool


class Customer(Person):
    """The signed-in customer, with saved addresses and cards."""

    phone: str
    email_verified: bool
    addresses: list[Address]
    sources: list[Source]


class CustomerAnswer(BaseModel):
    """The signed-in customer."""

    data: Customer


class Tokens(BaseModel):
    """`auth_token` goes into `Authorization: Bearer`, for `expires_in` seconds; then `refresh` gives new ones."""

    auth_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the kind of token
    expires_in: int


class TokensAnswer(BaseModel):
    """New tokens; the refresh token that was sent is spent."""

    data: Tokens


class SignedIn(Tokens, Customer):
    """Tokens and the customer they are for."""


class SignedInAnswer(BaseModel):
    """A customer who signed in."""

    data: SignedIn


class Done(BaseModel):
    """A sentence that says what happened."""

    message: str


class DoneAnswer(BaseModel):
    """It is done."""

    data: Done


class Error(BaseModel):
    """Why not: `code` is stable, `message` is for people, `field` names what it is about (or is empty).

    `decline_code` is the bank's, `client_secret` is for Stripe.js; each comes only with the errors that have one.
    """

    code: str
    message: str
    field: str
    decline_code: str | None = None
    client_secret: str | None = None


class Refusal(BaseModel):
    """Why not. A payment that did not go through comes with its order, which is kept."""

    error: Error
    data: OrderData | None = None


def plainly(model: BaseModel) -> dict[str, Any]:
    """Give an answer as JSON takes it, without what it does not have."""
    return model.model_dump(mode="json", exclude_none=True)
