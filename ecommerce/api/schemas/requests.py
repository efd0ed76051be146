"""What callers send. Unknown fields are ignored; a quantity is a whole number and nothing that looks like one."""

import functools
from typing import Annotated, Any, Literal, TypedDict

from django.utils.translation import gettext as _
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from customers.countries import country_choices
from customers.models import FrozenAddress
from ecommerce.orders.quotes import LineRequest
from ecommerce.pricing import MAX_LINES, MAX_QUANTITY

HIGHEST_ID = 2**63 - 1
MOST_EMAIL = 254


def _id(value: Any) -> Any:
    # The original's own client sends the ids of addresses and cards as texts.
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else value  # noqa: PLR2004 - digits of the highest


Id = Annotated[
    int,
    BeforeValidator(_id),
    Field(strict=True, ge=1, le=HIGHEST_ID),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": HIGHEST_ID},
                {"type": "string", "pattern": "^[1-9][0-9]{0,17}$"},
            ]
        }
    ),
]


@functools.cache
def _countries() -> frozenset[str]:
    return frozenset(code for code, _name in country_choices())


def _country(text: str) -> str:
    code = text.upper()
    if code not in _countries():
        raise ValueError(_("write the two letters of a country, as in DE"))
    return code


PathId = Annotated[int, Field(ge=1, le=HIGHEST_ID)]
Email = Annotated[str, Field(min_length=3, max_length=MOST_EMAIL)]
Password = Annotated[str, Field(min_length=1, max_length=128)]
Country = Annotated[str, AfterValidator(_country), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z]{2}$"})]


class Asked(BaseModel):
    """A body; texts lose the blanks around them."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)


class Credentials(Asked):
    """Who signs in."""

    model_config = ConfigDict(str_strip_whitespace=False)

    email: Email
    password: Password


class NewAccount(Credentials):
    """Who signs up."""

    first_name: str = Field(default="", max_length=100)
    last_name: str = Field(default="", max_length=100)
    phone: str = Field(default="", max_length=40)


class EmailOnly(Asked):
    """Whose password is forgotten."""

    email: Email


class RefreshToken(Asked):
    """What `login` gave as `refresh_token`."""

    refresh_token: str = Field(max_length=4096)


class EmailKey(Asked):
    """What the link in the e-mail ends with."""

    key: str = Field(min_length=1, max_length=255)


class NewPassword(EmailKey):
    """What the link in the e-mail ends with, and the password to be."""

    model_config = ConfigDict(str_strip_whitespace=False)

    password: Password


class WantedItem(Asked):
    """So many of one SKU."""

    sku_id: Id
    quantity: int = Field(strict=True, ge=1, le=MAX_QUANTITY)


Items = Annotated[list[WantedItem], Field(min_length=1, max_length=MAX_LINES)]


def wanted(items: list[WantedItem]) -> tuple[LineRequest, ...]:
    """Give the items as the acts take them."""
    return tuple(LineRequest(sku_id=item.sku_id, quantity=item.quantity) for item in items)


class Basket(Asked):
    """What would be ordered."""

    items: Items
    coupon_code: str | None = Field(default=None, max_length=255)


class Chosen(TypedDict):
    """A card, as the acts take it."""

    card_id: int | None
    token: str
    save_card: bool


class Means(Asked):
    """With what to pay: a saved card (`source_id`), or else a token of Stripe's for a new one (`tok_…`, `pm_…`)."""

    payment_gateway: Literal["stripe"] | None = None
    gateway_token: str | None = Field(default=None, max_length=255)
    source_id: Id | None = None
    save_card: bool = Field(default=True, description="Keep a new card for the next time.")

    @property
    def chosen(self) -> Chosen:
        """Give the card as the acts take it; where both are given, the saved one is charged."""
        return Chosen(card_id=self.source_id, token=self.gateway_token or "", save_card=self.save_card)


class NewOrder(Basket, Means):
    """An order by a customer. A total of zero needs no card; only something shipped needs an address."""

    address_id: Id | None = None


class AddressBody(Asked):
    """An address. `country` is a code of two letters (ISO 3166-1)."""

    first_name: str = Field(default="", max_length=99)
    last_name: str = Field(default="", max_length=100)
    line1: str = Field(min_length=1, max_length=200)
    line2: str | None = Field(default=None, max_length=200)
    city: str = Field(min_length=1, max_length=100)
    state: str | None = Field(default=None, max_length=100)
    postal_code: str | None = Field(default=None, max_length=20)
    country: Country

    def frozen(self, *, otherwise: str) -> FrozenAddress:
        """Give it as an order keeps it; where it names nobody it is `otherwise`'s."""
        return FrozenAddress(
            name=f"{self.first_name} {self.last_name}".strip() or otherwise,
            line1=self.line1,
            line2=self.line2 or "",
            city=self.city,
            state=self.state or "",
            postal_code=self.postal_code or "",
            country=self.country,
        )


class NewAddress(AddressBody):
    """An address to keep."""

    type: Literal["shipping", "billing"] = "shipping"
    is_default: bool = False


class NewSource(Asked):
    """A card to save: a token of Stripe's (`tok_…`, `pm_…`), never a number."""

    token: str | None = Field(default=None, max_length=255)
    gateway_token: str | None = Field(default=None, max_length=255, description="The same as `token`.")
    is_default: bool = False


class SourceOnly(Asked):
    """Which saved card."""

    source_id: Id


class Profile(Asked):
    """What customers may change of themselves."""

    first_name: str | None = Field(default=None, max_length=100)
    last_name: str | None = Field(default=None, max_length=100)
    phone: str | None = Field(default=None, max_length=40)


class StaffOrder(Basket, Means):
    """An order by staff for a customer (`user_id`), to a saved address or a new one."""

    user_id: Id
    address_id: Id | None = None
    address: AddressBody | None = None


class Sending(Asked):
    """How an order was sent."""

    carrier: str = Field(default="", max_length=100)
    tracking_number: str = Field(default="", max_length=100)


class Cancelling(Asked):
    """Why an order is canceled."""

    reason: str = Field(default="", max_length=500)


class Returning(Cancelling):
    """Why an order came back, and whether its items are sold again."""

    restock: bool = True
