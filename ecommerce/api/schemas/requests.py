"""Request bodies and queries. Unknown fields are ignored; a quantity must be a JSON integer, never text or a float."""

import functools
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

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
)
from pydantic_core import PydanticKnownError

from customers.countries import country_choices
from customers.models import OPTIONAL_ADDRESS_FIELDS, FrozenAddress
from customers.postal_addresses import has_cities

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
