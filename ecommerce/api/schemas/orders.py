"""Orders in responses, read from `Order` rows. Amounts are in the currency's minor unit, times ISO 8601 with offset."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from billing import models as billing_models
from billing.declines import for_customer
from customers.postal_addresses import address_lines
from ecommerce import models
from ecommerce.api.schemas.invoices import CreditNote, Invoice, credit_notes_of, pdf_of_invoice
from ecommerce.api.schemas.parcels import Fulfillment, Parcel
from ecommerce.api.schemas.people import CardSummary, OrderCustomer, PostalAddress
from ecommerce.api.schemas.returns import OrderReturn
from ecommerce.api.schemas.rows import FromRow, Percent, string_enum

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


PaymentStatus = Annotated[str, string_enum(*PAYMENT_STATUSES)]
OrderStatus = Annotated[str, string_enum("created", "paid", "fulfilled", "canceled", "returned")]
PlacedVia = Annotated[str, string_enum("staff", "website", "api")]
FulfillmentState = Annotated[str, string_enum("", "partial")]


class OrderItem(FromRow):
    """A line of an order, frozen when it was placed. A custom line has no SKU.

    Of `quantity`, `fulfilled` were sent, `canceled` will never be, and `returned` came back.
    `amount` is before `discount`, which includes the item's share of the coupon; `tax` is the sum of its taxes.
    """

    id: int
    product_sku_id: int | None = Field(alias="sku_id")
    product_sku_name: str = Field(alias="description")
    product_sku_code: str = Field(alias="sku_code")
    quantity: int
    unit_price: int
    amount: int
    discount: int
    tax: int
    shippable: bool
    fulfilled: int
    canceled: int
    returned: int


class TaxLine(BaseModel):
    """A tax of an order, over all items and the shipping. `rate` is in percent; `reason` is why one is of 0 %."""

    country: str
    region: str
    name: str
    rate: Percent
    category: str
    reason: str
    taxable: int
    amount: int


class StatusTransitions(FromRow):
    """When the order reached each status; null for a status it never had."""

    paid: datetime | None = Field(alias="paid_at")
    fulfilled: datetime | None = Field(alias="fulfilled_at")
    canceled: datetime | None = Field(alias="canceled_at")
    returned: datetime | None = Field(alias="returned_at")


class OrderRow:
    """An order that was read by `with_response_relations`, and the attributes of a response that are no columns."""

    def __init__(self, order: models.Order) -> None:
        self._order = order
        self.payment_status = payment_status(order)
        self._last_payment = last_payment(order)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._order, name)

    @property
    def payment_error(self) -> str | None:
        payment = self._last_payment
        if payment is None or self.payment_status != "failed":
            return None
        return for_customer(payment.decline_code, payment.failure_message)[1]

    @property
    def client_secret(self) -> str | None:
        waiting = self.payment_status == "requires_action"
        return self._last_payment.client_secret if self._last_payment and waiting else None

    @property
    def invoice_pdf(self) -> str | None:
        return pdf_of_invoice(self._order.invoice)

    @property
    def credit_notes(self) -> list[CreditNote]:
        return credit_notes_of(self._order.invoice)

    @property
    def coupon_code(self) -> str | None:
        return self._order.coupon.code if self._order.coupon else None

    @property
    def status_transitions(self) -> models.Order:
        return self._order

    @property
    def address(self) -> Any:
        address = self._order.shipping_address
        return {**address, "lines": address_lines(address)} if address else None

    @property
    def items(self) -> list[models.OrderItem]:
        return list(self._order.items.all())

    @property
    def tax_lines(self) -> list[TaxLine]:
        sums: dict[tuple[Any, ...], TaxLine] = {}
        for row in self._order.tax_lines.all():
            named = {name: getattr(row, name) for name in ("country", "region", "name", "rate", "category", "reason")}
            line = sums.setdefault(tuple(named.values()), TaxLine(**named, taxable=0, amount=0))
            line.taxable += row.taxable
            line.amount += row.amount
        return list(sums.values())

    @property
    def source(self) -> billing_models.Card | None:
        return self._last_payment.card if self._last_payment else None

    @property
    def returns(self) -> list[models.Return]:
        return list(self._order.returns.all())

    @property
    def tag_names(self) -> list[str]:
        return sorted((tag.name for tag in self._order.tags.all()), key=str.lower)

    @property
    def assignee_name(self) -> str | None:
        return self._order.assignee.username if self._order.assignee else None

    @property
    def note_rows(self) -> list[models.OrderNote]:
        return list(self._order.notes.all())

    @property
    def fulfillments(self) -> list[models.Fulfillment]:
        return list(self._order.fulfillments.all())

    @property
    def fulfillment(self) -> models.Fulfillment | None:
        return next(iter(self.fulfillments), None)


class Order(FromRow):
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
    discount_reason: str = Field(description="Why a discount was given by hand; it is part of `discount`.")
    shipping: int
    shipping_name: str
    taxes: int = Field(alias="tax")
    tax: int
    tax_lines: list[TaxLine]
    prices_include_tax: bool
    amount_refunded: int
    fees_kept: int = Field(description="What was kept of refunds as fees: it is not part of `amount_refunded`.")
    currency: str
    coupon_code: str | None
    created: datetime = Field(alias="created_at")
    status_transitions: StatusTransitions
    placed_via: PlacedVia
    customer: OrderCustomer
    address: PostalAddress | None
    items: list[OrderItem]
    invoice: Invoice | None
    invoice_pdf: str | None = Field(
        description="A link to the invoice's PDF that needs no token, valid for a day at least; null until it is paid."
    )
    credit_notes: list[CreditNote]
    source: CardSummary | None
    fulfillment: Fulfillment | None
    fulfillment_state: FulfillmentState
    fulfillments: list[Parcel]
    returns: list[OrderReturn]

    @model_validator(mode="before")
    @classmethod
    def _read_row(cls, value: Any) -> Any:
        return OrderRow(value) if isinstance(value, models.Order) else value


class OrderData(BaseModel):
    order: Order


class OrderResponse(BaseModel):
    data: OrderData


class Note(FromRow):
    """A note of staff."""

    id: int
    text: str
    by: str = Field(alias="by_label")
    at: datetime


class OrganizedOrder(Order):
    """An order with what staff note of it and customers never see: its tags, hold and assignee (a username)."""

    tags: list[str] = Field(alias="tag_names")
    on_hold: bool
    hold_reason: str
    hold_until: datetime | None
    assignee: str | None = Field(alias="assignee_name")


class StaffOrder(OrganizedOrder):
    """An order with what customers never see: its tags, hold, assignee (a username) and notes."""

    notes: list[Note] = Field(alias="note_rows")


class StaffOrderData(BaseModel):
    order: StaffOrder


class StaffOrderResponse(BaseModel):
    data: StaffOrderData


class PageMeta(BaseModel):
    """Where the next page starts: send `next` as `starting_after`."""

    has_more: bool
    next: str | None


class OrderListResponse(BaseModel):
    """Orders, newest first."""

    data: list[Order]
    meta: PageMeta


class StaffOrderListResponse(BaseModel):
    """Orders, newest first."""

    data: list[StaffOrder]
    meta: PageMeta
