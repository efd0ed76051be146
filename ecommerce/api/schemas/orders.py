"""Orders as callers get them. Amounts are in the currency's minor unit, times ISO 8601 with offset."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, WithJsonSchema

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


def one_of(*choices: str) -> WithJsonSchema:
    """Say in the documentation what a text may be."""
    return WithJsonSchema({"type": "string", "enum": list(choices)})


PaymentStatus = Annotated[str, one_of(*PAYMENT_STATUSES)]
OrderStatus = Annotated[str, one_of("created", "paid", "fulfilled", "canceled", "returned")]
InvoiceStatus = Annotated[str, one_of("draft", "open", "paid", "void", "uncollectible")]
PlacedVia = Annotated[str, one_of("staff", "website", "api")]


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


class CardMark(BaseModel):
    """What may be shown of a card."""

    brand: str
    last4: str


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
    source: CardMark | None
    fulfillment: Fulfillment | None


class OrderData(BaseModel):
    """One order."""

    order: Order


class OrderResponse(BaseModel):
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
