"""Orders in responses, read from `Order` rows. Amounts are in the currency's minor unit, times ISO 8601 with offset."""

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Field, Schema
from pydantic import BaseModel, ConfigDict, WithJsonSchema

from billing import models as billing_models
from ecommerce import models

MoneyState = models.Order.MoneyState
PAYMENT_STATUS_BY_MONEY_STATE = {
    MoneyState.PAYMENT_PROCESSING: "processing",
    MoneyState.AUTHENTICATION_REQUIRED: "requires_action",
    MoneyState.PAYMENT_FAILED: "failed",
    MoneyState.REFUND_IN_PROGRESS: "refund_in_progress",
    MoneyState.REFUND_PENDING: "refund_pending",
    MoneyState.REFUND_FAILED: "refund_failed",
    MoneyState.DISPUTED: "disputed",
}
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


def payment_status(order: models.Order) -> str:
    if order.money_state:
        return PAYMENT_STATUS_BY_MONEY_STATE[MoneyState(order.money_state)]
    if order.paid_at is None:
        return "unpaid"
    if order.status in {models.Order.Status.CANCELED, models.Order.Status.RETURNED}:
        return "refunded"
    return "partially_refunded" if order.amount_refunded else "paid"


def last_payment(order: models.Order) -> billing_models.Payment | None:
    """Return the newest payment of an order that was read by `with_response_relations`."""
    return next(iter(reversed(order.invoice.payments.all())), None) if order.invoice else None


def string_enum(*choices: str) -> WithJsonSchema:
    """List a string's values in the documentation, without validating them on the way out."""
    return WithJsonSchema({"type": "string", "enum": list(choices)})


PaymentStatus = Annotated[str, string_enum(*PAYMENT_STATUSES)]
OrderStatus = Annotated[str, string_enum("created", "paid", "fulfilled", "canceled", "returned")]
InvoiceStatus = Annotated[str, string_enum("draft", "open", "paid", "void", "uncollectible")]
PlacedVia = Annotated[str, string_enum("staff", "website", "api")]


class FromRow(BaseModel):
    """Read from a row's own attributes. ninja's Schema, which can also call `resolve_…`, takes six times as long."""

    model_config = ConfigDict(from_attributes=True)


class OrderItem(FromRow):
    """A line of an order, frozen when it was placed."""

    id: int
    product_sku_id: int = Field(alias="sku_id")
    product_sku_name: str = Field(alias="description")
    product_sku_code: str = Field(alias="sku_code")
    quantity: int
    unit_price: int
    amount: int


class PostalAddress(FromRow):
    """An address; an order's is frozen when it is placed."""

    name: str
    company: str = ""
    department: str = ""
    line1: str
    line2: str
    city: str
    state: str
    postal_code: str
    country: str
    delivery_instructions: str = ""


class StatusTransitions(FromRow):
    """When the order reached each status; null for a status it never had."""

    paid: datetime | None = Field(alias="paid_at")
    fulfilled: datetime | None = Field(alias="fulfilled_at")
    canceled: datetime | None = Field(alias="canceled_at")
    returned: datetime | None = Field(alias="returned_at")


class Invoice(FromRow):
    """The order's one invoice."""

    number: str
    status: InvoiceStatus
    amount_paid: int
    amount_refunded: int


class OrderCustomer(Schema):
    """The customer who ordered."""

    id: int
    email: str
    first_name: str
    last_name: str


class Fulfillment(FromRow):
    """How an order was sent."""

    carrier: str
    tracking_number: str
    at: datetime


class CardSummary(FromRow):
    """A card's brand and last four digits."""

    brand: str
    last4: str


class Order(Schema):
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
    amount: int = Field(alias="total")
    subtotal: int
    discount: int
    shipping: int
    taxes: int = Field(alias="tax")
    amount_refunded: int
    currency: str
    coupon_code: str | None
    created: datetime = Field(alias="created_at")
    status_transitions: StatusTransitions
    placed_via: PlacedVia
    customer: OrderCustomer
    address: PostalAddress | None
    items: list[OrderItem]
    invoice: Invoice | None
    source: CardSummary | None
    fulfillment: Fulfillment | None

    @staticmethod
    def resolve_payment_status(order: models.Order) -> str:
        return payment_status(order)

    @staticmethod
    def resolve_payment_error(order: models.Order) -> str | None:
        payment = last_payment(order)
        return payment.failure_message if payment and payment_status(order) == "failed" else None

    @staticmethod
    def resolve_client_secret(order: models.Order) -> str | None:
        payment = last_payment(order)
        return payment.client_secret if payment and payment_status(order) == "requires_action" else None

    @staticmethod
    def resolve_coupon_code(order: models.Order) -> str | None:
        return order.coupon.code if order.coupon else None

    @staticmethod
    def resolve_status_transitions(order: models.Order) -> models.Order:
        return order

    @staticmethod
    def resolve_address(order: models.Order) -> Any:
        return order.shipping_address or None

    @staticmethod
    def resolve_source(order: models.Order) -> billing_models.Card | None:
        payment = last_payment(order)
        return payment.card if payment else None

    @staticmethod
    def resolve_fulfillment(order: models.Order) -> models.Fulfillment | None:
        return getattr(order, "fulfillment", None)


class OrderData(Schema):
    order: Order


class OrderResponse(Schema):
    data: OrderData


class PageMeta(Schema):
    """Where the next page starts: send `next` as `starting_after`."""

    has_more: bool
    next: str | None


class OrderListResponse(Schema):
    """Orders, newest first."""

    data: list[Order]
    meta: PageMeta
