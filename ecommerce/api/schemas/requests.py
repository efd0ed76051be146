"""Request bodies and queries. Unknown fields are ignored; a quantity must be a JSON integer, never text or a float."""

import functools
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypedDict

from django.utils.translation import gettext as _
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError

from customers.countries import country_choices
from customers.models import OPTIONAL_ADDRESS_FIELDS, FrozenAddress
from customers.postal_addresses import has_cities
from ecommerce.orders.lines import LineRequest
from ecommerce.orders.refund import RefundRequest
from ecommerce.orders.shipping import ShippingChoice
from ecommerce.pricing.order import MAX_LINES, MAX_QUANTITY

MAX_ID = 2**63 - 1
MAX_EMAIL_LENGTH = 254


def _id(value: Any) -> Any:
    # The original's own client sends the ids of addresses and cards as texts.
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else value  # noqa: PLR2004 - digits of the highest


@functools.cache
def _country_codes() -> frozenset[str]:
    return frozenset(code for code, _name in country_choices())


def _country(text: str) -> str:
    code = text.upper()
    if code not in _country_codes():
        raise ValueError(_("write the two letters of a country, as in DE"))
    return code


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(_("write a time that is not so far away")) from error


Id = Annotated[
    int,
    BeforeValidator(_id),
    Field(strict=True, ge=1, le=MAX_ID),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": MAX_ID},
                {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"},
            ]
        }
    ),
]
PathId = Annotated[int, Field(ge=1, le=MAX_ID)]
Email = Annotated[str, Field(min_length=3, max_length=MAX_EMAIL_LENGTH)]
Password = Annotated[str, Field(min_length=1, max_length=128)]
Country = Annotated[str, AfterValidator(_country), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{2}$"})]
# ISO 8601 allows UTC offsets that PostgreSQL does not, so times are converted first.
UtcDatetime = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class BaseRequest(BaseModel):
    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)


class LoginRequest(BaseRequest):
    model_config = ConfigDict(str_strip_whitespace=False)  # blanks may belong to a password

    email: Email
    password: Password
    device_token: str = Field(default="", max_length=4000)


class RegisterRequest(LoginRequest):
    first_name: str = Field(default="", max_length=100)
    last_name: str = Field(default="", max_length=100)
    phone: str = Field(default="", max_length=40)


class ForgotPasswordRequest(BaseRequest):
    email: Email


class RefreshRequest(BaseRequest):
    """`refresh_token` as `login` returned it."""

    refresh_token: str = Field(max_length=4096)


class VerifyEmailRequest(BaseRequest):
    """`key` is the end of the link in the e-mail."""

    key: str = Field(min_length=1, max_length=255)


class ResetPasswordRequest(VerifyEmailRequest):
    """`key` is the end of the link in the e-mail."""

    model_config = ConfigDict(str_strip_whitespace=False)

    password: Password


class DeleteAccountRequest(BaseRequest):
    model_config = ConfigDict(str_strip_whitespace=False)

    current_password: Password


class ChangePasswordRequest(DeleteAccountRequest):
    new_password: Password


class ChangeEmailRequest(DeleteAccountRequest):
    email: Email


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


class AddressRequest(BaseRequest):
    """An address. `country` is a code of two letters (ISO 3166-1)."""

    first_name: str = Field(default="", max_length=99)
    last_name: str = Field(default="", max_length=100)
    company: str | None = Field(default=None, max_length=200)
    department: str | None = Field(default=None, max_length=200)
    line1: str = Field(min_length=1, max_length=200)
    line2: str | None = Field(default=None, max_length=200)
    country: Country
    city: str | None = Field(
        default=None,
        max_length=100,
        validate_default=True,
        description="Empty only where addresses have none: Singapore.",
    )
    state: str | None = Field(default=None, max_length=100)
    postal_code: str | None = Field(default=None, max_length=20)
    delivery_instructions: str | None = Field(default=None, max_length=500)

    @field_validator("city")
    @classmethod
    def _city(cls, city: str | None, info: ValidationInfo) -> str | None:
        if not city and has_cities(info.data.get("country", "")):
            raise PydanticKnownError("missing")
        return city

    def frozen(self, *, default_name: str) -> FrozenAddress:
        address = FrozenAddress(
            name=f"{self.first_name} {self.last_name}".strip() or default_name,
            line1=self.line1,
            line2=self.line2 or "",
            city=self.city or "",
            state=self.state or "",
            postal_code=self.postal_code or "",
            country=self.country,
        )
        for name in OPTIONAL_ADDRESS_FIELDS:
            if value := getattr(self, name):
                address[name] = value
        return address


class AddAddressRequest(AddressRequest):
    type: Literal["shipping", "billing"] = "shipping"
    is_default: bool = False


class AddSourceRequest(BaseRequest):
    """A card to save: a token of Stripe's (`tok_…`, `pm_…`), never a number."""

    token: str | None = Field(default=None, max_length=255)
    gateway_token: str | None = Field(default=None, max_length=255, description="The same as `token`.")
    is_default: bool = False


class RemoveSourceRequest(BaseRequest):
    source_id: Id


class ChangeCustomerRequest(BaseRequest):
    """What customers may change of themselves."""

    first_name: str | None = Field(default=None, max_length=100)
    last_name: str | None = Field(default=None, max_length=100)
    phone: str | None = Field(default=None, max_length=40)


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


class FulfillRequest(BaseRequest):
    carrier: str = Field(default="", max_length=100)
    tracking_number: str = Field(default="", max_length=100)


class CancelRequest(BaseRequest):
    reason: str = Field(default="", max_length=500)


class ReturnRequest(CancelRequest):
    """`restock` puts the items back into stock."""

    restock: bool = True


class RefundItemRequest(BaseRequest):
    """How many of an item, by its id in the order."""

    id: Id
    quantity: int = Field(strict=True, ge=1, le=MAX_QUANTITY)


class RefundOrderRequest(CancelRequest):
    """What goes back: an `amount` in the currency's minor unit, or `items` and the `shipping`, or the `rest`."""

    amount: int | None = Field(default=None, strict=True, le=MAX_ID)
    items: Annotated[list[RefundItemRequest], Field(max_length=MAX_LINES)] = []
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
