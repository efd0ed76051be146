"""Customers, and what signing in gives."""

from typing import Annotated, Literal

from pydantic import BaseModel

from ecommerce.api.schemas.orders import CardMark, FrozenAddress, Person, one_of

AddressType = Annotated[str, one_of("shipping", "billing")]


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


class CustomerResponse(BaseModel):
    """The signed-in customer."""

    data: Customer


class Tokens(BaseModel):
    """`auth_token` goes into `Authorization: Bearer`, for `expires_in` seconds; then `refresh` gives new ones."""

    auth_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the kind of token
    expires_in: int


class TokensResponse(BaseModel):
    """New tokens; the refresh token that was sent is spent."""

    data: Tokens


class SignedIn(Tokens, Customer):
    """Tokens and the customer they are for."""


class SignedInResponse(BaseModel):
    """A customer who signed in."""

    data: SignedIn


class Done(BaseModel):
    """A sentence that says what happened."""

    message: str


class DoneResponse(BaseModel):
    """It is done."""

    data: Done
