"""Bodies and queries of requests about baskets and orders."""

from typing import Annotated, Literal, Self, TypedDict

from django.utils.translation import gettext as _
from pydantic import BaseModel, Field, model_validator

from ecommerce.api.schemas.requests import MAX_EMAIL_LENGTH, MAX_ID, AddressRequest, BaseRequest, Email, Id, UtcDatetime
from ecommerce.notes import MAX_LENGTH
from ecommerce.orders.hold import MAX_REASON_LENGTH
from ecommerce.orders.lines import LineRequest
from ecommerce.orders.parcels import MAX_NUMBER_LENGTH, MAX_NUMBERS, Parcel
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.shipping import ShippingChoice
from ecommerce.orders.tags import MAX_TAGS
from ecommerce.pricing.order import MAX_LINES, MAX_QUANTITY


class ItemRequest(BaseRequest):
    sku_id: Id
    quantity: int = Field(strict=True, ge=1, le=MAX_QUANTITY)


class BasketRequest(BaseRequest):
    items: Annotated[list[ItemRequest], Field(min_length=1, max_length=MAX_LINES)]
    coupon_code: str | None = Field(default=None, max_length=255)

    @property
    def lines(self) -> tuple[LineRequest, ...]:
        return tuple(LineRequest(sku_id=item.sku_id, quantity=item.quantity) for item in self.items)


class PaymentSourceArguments(TypedDict):
    """A payment source as arguments of `place` and `pay`."""

    card_id: int | None
    token: str
    save_card: bool


class PaymentSourceRequest(BaseRequest):
    """How to pay: a saved card (`source_id`), or else a token of Stripe's for a new one (`tok_…`, `pm_…`)."""

    payment_gateway: Literal["stripe"] | None = None
    gateway_token: str | None = Field(default=None, max_length=255)
    source_id: Id | None = None
    save_card: bool = Field(default=True, description="Keep a new card for the next time.")

    @property
    def payment_source(self) -> PaymentSourceArguments:
        """The saved card wins where both are sent."""
        return PaymentSourceArguments(card_id=self.source_id, token=self.gateway_token or "", save_card=self.save_card)


class PayOrderRequest(PaymentSourceRequest):
    """`expected_total` accepts the total that `price_changed` named, in the currency's minor unit."""

    expected_total: int | None = Field(default=None, strict=True, ge=0, le=MAX_ID)


class ShippedBasketRequest(BasketRequest):
    """Where a basket goes, and by which of the `shipping_options`: the cheapest if none is named."""

    address_id: Id | None = None
    shipping_rate_id: Id | None = None

    @property
    def shipping(self) -> ShippingChoice:
        return ShippingChoice(rate_id=self.shipping_rate_id)


class CreateOrderRequest(ShippedBasketRequest, PaymentSourceRequest):
    """An order by a customer. A total of zero needs no card; only something shipped needs an address.

    `expected_total` is the total that the customer agreed to, in the currency's minor unit: another one is refused with
    409 `price_changed`.
    """

    expected_total: int | None = Field(default=None, strict=True, ge=0, le=MAX_ID)


class OrderSummaryRequest(ShippedBasketRequest):
    """A basket to be priced. With an address, saved or not, its shipping and taxes are those of the place."""

    address: AddressRequest | None = None


class CreateOrderForRequest(ShippedBasketRequest, PaymentSourceRequest):
    """An order by staff for a customer (`user_id`, or else `email`), to a saved address or a new one."""

    user_id: Id | None = None
    email: Email | None = None
    address: AddressRequest | None = None

    @model_validator(mode="after")
    def _names_a_customer(self) -> Self:
        if self.user_id is None and self.email is None:
            raise ValueError(_("name the customer by user_id or email"))
        return self


class ItemQuantity(BaseRequest):
    """How many of an item, by its id in the order."""

    id: Id
    quantity: int = Field(strict=True, ge=1, le=MAX_QUANTITY)


class CorrectAddressRequest(BaseRequest):
    """Where an order goes instead; without a name, to the customer."""

    address: AddressRequest
    reason: str = Field(default="", max_length=200)


class NotifyRequest(BaseRequest):
    """An act of staff; `notify` is whether the customer gets a mail about it."""

    notify: bool = Field(default=True, description="Whether the customer gets a mail about it.")


class FulfillRequest(NotifyRequest):
    """A parcel: all that is left to send, or only these `items`. The carrier is guessed from the number if left out."""

    items: Annotated[list[ItemQuantity], Field(min_length=1, max_length=MAX_LINES)] | None = None
    carrier: str = Field(default="", max_length=MAX_NUMBER_LENGTH)
    tracking_number: str = Field(default="", max_length=MAX_NUMBER_LENGTH)
    further_tracking_numbers: Annotated[
        list[Annotated[str, Field(max_length=MAX_NUMBER_LENGTH)]], Field(max_length=MAX_NUMBERS - 1)
    ] = []

    @property
    def parcel(self) -> Parcel:
        return Parcel(
            items=None if self.items is None else [(item.id, item.quantity) for item in self.items],
            carrier=self.carrier,
            tracking_numbers=(self.tracking_number, *self.further_tracking_numbers),
        )


class HoldRequest(BaseRequest):
    """`reason` is for staff; without `until`, the order stays on hold until somebody releases it."""

    reason: str = Field(max_length=MAX_REASON_LENGTH)
    until: UtcDatetime | None = None


class ChangeTagsRequest(BaseRequest):
    add: Annotated[list[str], Field(max_length=MAX_TAGS)] = []
    remove: Annotated[list[str], Field(max_length=MAX_TAGS)] = []


class AddNoteRequest(BaseRequest):
    text: str = Field(max_length=MAX_LENGTH)


class AssignRequest(BaseRequest):
    """`username` is that of an active member of staff; null for nobody."""

    username: str | None = Field(max_length=150)


class RecordDeliveryRequest(BaseRequest):
    delivered_at: UtcDatetime | None = None


class CancelRequest(NotifyRequest):
    reason: str = Field(default="", max_length=500)


class ReturnRequest(CancelRequest):
    """`restock` puts the items back into stock."""

    restock: bool = True


class CancelOrderRequest(CancelRequest):
    """`items` are units that were not sent; without them all of the order is canceled."""

    items: Annotated[list[ItemQuantity], Field(max_length=MAX_LINES)] = []

    @property
    def lines(self) -> list[tuple[int, int]]:
        return [(item.id, item.quantity) for item in self.items]


class RefundOrderRequest(CancelRequest):
    """What goes back: an `amount` in the currency's minor unit, or `items` and the `shipping`, or the `rest`."""

    amount: int | None = Field(default=None, strict=True, le=MAX_ID)
    items: Annotated[list[ItemQuantity], Field(max_length=MAX_LINES)] = []
    shipping: bool = False
    rest: bool = Field(default=False, description="All that is left to refund.")

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if [self.amount is not None, bool(self.items or self.shipping), self.rest].count(True) != 1:
            raise ValueError(_("give an amount, or items and the shipping, or the rest"))
        return self

    @property
    def refund(self) -> RefundRequest:
        lines = [(item.id, item.quantity) for item in self.items]
        return RefundRequest(amount=self.amount, lines=lines, shipping=self.shipping, rest=self.rest)


class PageRequest(BaseModel):
    limit: Annotated[int, Field(ge=1, le=100, description="How many orders a page has.")] = 25
    starting_after: Annotated[
        str, Field(max_length=20, description="The number of the last order of the page before.")
    ] = ""


class ListOrdersRequest(PageRequest):
    status: Literal["created", "paid", "fulfilled", "canceled", "returned"] | None = None
    user_id: Id | None = Field(default=None, description="The customer's id.")
    email: Annotated[str, Field(max_length=MAX_EMAIL_LENGTH, description="The customer's e-mail.")] = ""
    created_from: UtcDatetime | None = None
    created_before: UtcDatetime | None = None
