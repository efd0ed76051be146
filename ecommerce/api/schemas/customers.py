"""The signed-in customer and the tokens of a sign-in, in responses."""

from typing import Annotated, Literal

from django.db.models import QuerySet
from ninja import Field, Schema

from billing.models import Card
from customers import accounts, models
from ecommerce.api.schemas.people import CardSummary, OrderCustomer, PostalAddress
from ecommerce.api.schemas.rows import string_enum

AddressType = Annotated[str, string_enum("shipping", "billing")]


class Address(PostalAddress):
    """A saved address."""

    id: int
    type: AddressType = Field(alias="kind")
    is_default: bool


class Source(CardSummary):
    """A saved card."""

    id: int
    exp_month: int
    exp_year: int
    is_default: bool


class Customer(OrderCustomer, Schema):
    """The signed-in customer, with saved addresses and cards."""

    phone: str
    email_verified: bool
    addresses: list[Address]
    sources: list[Source]

    @staticmethod
    def resolve_email_verified(customer: models.Customer) -> bool:
        return accounts.is_confirmed(customer)

    @staticmethod
    def resolve_first_name(customer: models.Customer) -> str:
        return accounts.own_profile(customer, customer.first_name)

    @staticmethod
    def resolve_last_name(customer: models.Customer) -> str:
        return accounts.own_profile(customer, customer.last_name)

    @staticmethod
    def resolve_phone(customer: models.Customer) -> str:
        return accounts.own_profile(customer, customer.phone)

    @staticmethod
    def resolve_addresses(customer: models.Customer) -> QuerySet[models.Address]:
        return accounts.own_rows(customer.addresses.all(), customer).order_by("-is_default", "pk")

    @staticmethod
    def resolve_sources(customer: models.Customer) -> QuerySet[Card]:
        return accounts.own_rows(customer.cards.filter(removed_at=None), customer).order_by("-is_default", "pk")


class CustomerResponse(Schema):
    data: Customer


class Tokens(Schema):
    """`auth_token` goes into `Authorization: Bearer`, for `expires_in` seconds; then `refresh` gives new ones."""

    auth_token: str
    refresh_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the kind of token
    expires_in: int


class TokensResponse(Schema):
    """New tokens; the refresh token that was sent is spent."""

    data: Tokens


class SignedInCustomer(Tokens, Customer):
    """The customer and the tokens of this sign-in.

    `device_token` is sent with the next sign-in on this device: others, who guess the password, can't lock it out.
    """

    device_token: str


class SignInResponse(Schema):
    data: SignedInCustomer


class Message(Schema):
    """A sentence that says what happened."""

    message: str


class MessageResponse(Schema):
    data: Message


class VerifiedEmail(Message):
    """`password_key` sets a new password, by `password/reset`; null where the account's password stays."""

    password_key: str | None


class VerifiedEmailResponse(Schema):
    data: VerifiedEmail
