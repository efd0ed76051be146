"""What webhook events carry beside the API's own objects: refunds, disputes, returns, customers, SKUs.

Amounts are integers in the currency's minor unit, times ISO 8601 with offset, as everywhere in the API.
"""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AliasPath, BaseModel, Field

from ecommerce.api.schemas import catalogue
from ecommerce.api.schemas.orders import OrganizedOrder
from ecommerce.api.schemas.people import OrderCustomer, PostalAddress
from ecommerce.api.schemas.returns import OrderReturn
from ecommerce.api.schemas.rows import FromRow, string_enum

RefundStatus = Annotated[str, string_enum("requested", "pending", "succeeded", "failed")]
DisputeStatus = Annotated[str, string_enum("open", "won", "lost")]
Condition = Annotated[str, string_enum("", "resellable", "damaged", "missing")]


class Order(OrganizedOrder):
    """An order as the staff API shows it, without the notes of staff and without the secret that pays it."""

    client_secret: str | None = Field(exclude=True)


class Refund(FromRow):
    """A refund. `fees` were kept of what it gives back; `failure` says why one failed."""

    id: int
    object: Literal["refund"] = "refund"
    amount: int
    fees: int
    currency: str
    status: RefundStatus
    reason: str
    failure: str = Field(validation_alias="failure_message")
    settled_outside: bool = Field(description="Whether it went back by other means than Stripe.")
    stripe_refund_id: str | None
    credit_note: str | None
    created: datetime = Field(validation_alias="requested_at")
    order: Order


class Dispute(FromRow):
    """A dispute of an order's payment at the bank."""

    id: str = Field(validation_alias="stripe_dispute_id")
    object: Literal["dispute"] = "dispute"
    amount: int
    currency: str
    status: DisputeStatus = Field(validation_alias="dispute")
    reason: str = Field(validation_alias="dispute_reason")
    stripe_payment_intent_id: str | None
    order: Order


class ItemOfReturn(FromRow):
    """Units of an item of the order in a return; what arrives in two conditions has a row each."""

    id: int = Field(validation_alias="item_id")
    product_sku_code: str = Field(validation_alias=AliasPath("item", "sku_code"))
    product_sku_name: str = Field(validation_alias=AliasPath("item", "description"))
    quantity: int
    received: int
    condition: Condition
    restock: bool


class Return(OrderReturn):
    """A return. `closed` is when it was closed, declined or canceled, which `status` says."""

    object: Literal["return"] = "return"
    reason: str
    approved: datetime | None = Field(validation_alias="approved_at")
    received: datetime | None = Field(validation_alias="received_at")
    closed: datetime | None = Field(validation_alias="closed_at")
    items: list[ItemOfReturn]  # type: ignore[assignment]
    order: Order


class CustomerAddress(PostalAddress):
    """A saved address."""

    id: int
    type: str = Field(validation_alias="kind")
    is_default: bool


class Customer(OrderCustomer):
    """A customer with the saved addresses."""

    object: Literal["customer"] = "customer"
    phone: str
    tax_id: str
    created: datetime = Field(validation_alias="created_at")
    addresses: list[CustomerAddress]


class DeletedCustomer(FromRow):
    """What is left of a customer who was deleted or erased."""

    id: int
    object: Literal["customer"] = "customer"
    deleted: Literal[True] = True


class Sku(catalogue.Sku):
    """A SKU with its stock; `low_stock_at` is the number at which, or below, it is low."""

    object: Literal["sku"] = "sku"
    inventory_quantity: int
    low_stock_at: int


class TestedEndpoint(FromRow):
    """What a test event tells of."""

    id: int
    object: Literal["webhook_endpoint"] = "webhook_endpoint"


ObjectT = TypeVar("ObjectT")


class EventData(BaseModel, Generic[ObjectT]):
    """The object that an event tells of, as it was when the event was first sent."""

    object: ObjectT


class Event(BaseModel, Generic[ObjectT]):
    """A request's body. `id` is the same for each attempt; `sequence` grows with each event of an object."""

    type: str
    id: str
    created: int = Field(description="When it happened, in seconds since 1970.")
    triggered_from: Annotated[str, string_enum("staff", "customer", "api_key", "stripe", "system")]
    data: EventData[ObjectT]
    sequence: int
