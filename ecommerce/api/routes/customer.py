"""The signed-in customer: addresses and saved cards."""

from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router

from billing import cards, gateway
from billing.models import Card
from customers import accounts
from customers.models import Address, Customer, User
from ecommerce.api import schemas
from ecommerce.api.errors import ApiError
from ecommerce.api.responses import responses_for
from ecommerce.api.schemas import requests
from ecommerce.api.security import CustomerToken, customer_of
from ecommerce.api.throttling import PerCaller
from ecommerce.orders.pay import is_token

router = Router(tags=["Customer"], auth=CustomerToken(), throttle=PerCaller())


def described(customer: Customer) -> schemas.Customer:
    """Describe a customer with what is saved of them."""
    return schemas.Customer(
        id=customer.pk,
        email=customer.email,
        first_name=customer.first_name,
        last_name=customer.last_name,
        phone=customer.phone,
        email_verified=accounts.is_verified(user_of(customer)),
        addresses=[_address(address) for address in customer.addresses.order_by("-is_default", "pk")],
        sources=[_source(card) for card in customer.cards.filter(removed_at=None).order_by("-is_default", "pk")],
    )


def user_of(customer: Customer) -> User:
    """Give the user of a customer who is signed in."""
    if customer.user is None:
        raise RuntimeError(f"{customer} is signed in and has no user.")
    return customer.user


def _address(address: Address) -> schemas.Address:
    return schemas.Address(id=address.pk, type=address.kind, is_default=address.is_default, **address.frozen())


def _source(card: Card) -> schemas.Source:
    return schemas.Source(
        id=card.pk,
        brand=card.brand,
        last4=card.last4,
        exp_month=card.exp_month,
        exp_year=card.exp_year,
        is_default=card.is_default,
    )


@router.get("", response=responses_for(schemas.CustomerResponse, signed_in=True))
def read_customer(request: HttpRequest) -> schemas.CustomerResponse:
    """Read oneself, with saved addresses and cards (`sources`)."""
    return schemas.CustomerResponse(data=described(customer_of(request)))


@router.patch("", response=responses_for(schemas.CustomerResponse, signed_in=True))
def change_customer(request: HttpRequest, profile: requests.Profile) -> schemas.CustomerResponse:
    """Change one's name or telephone number."""
    customer = customer_of(request)
    told_of = {name: value for name, value in profile.model_dump().items() if value is not None}
    Customer.objects.filter(pk=customer.pk).update(**told_of)
    customer.refresh_from_db()
    return schemas.CustomerResponse(data=described(customer))


@router.post("/addresses", response=responses_for(schemas.CustomerResponse, signed_in=True))
def add_address(request: HttpRequest, wanted: requests.NewAddress) -> schemas.CustomerResponse:
    """Save an address; the answer is the customer, the new address the one with the highest id."""
    customer = customer_of(request)
    with transaction.atomic():
        # One after the other: two new defaults at once would break the unique index.
        list(Customer.objects.select_for_update().filter(pk=customer.pk))
        if wanted.is_default:
            customer.addresses.filter(kind=wanted.type, is_default=True).update(is_default=False)
        name = wanted.frozen(otherwise=customer.name or customer.email)
        Address.objects.create(customer=customer, kind=wanted.type, is_default=wanted.is_default, **name)
    return schemas.CustomerResponse(data=described(customer))


@router.post("/sources", response=responses_for(schemas.CustomerResponse, 402, 422, 503, signed_in=True))
def add_source(request: HttpRequest, wanted: requests.NewSource) -> schemas.CustomerResponse:
    """Save a card; the answer is the customer, the new card the one with the highest id."""
    customer, token = customer_of(request), wanted.token or wanted.gateway_token or ""
    if not is_token(token):
        raise ApiError("card_required", _("Give a token of Stripe's: tok_… or pm_…."), field="token")
    try:
        cards.save(customer=customer, token=token, default=wanted.is_default)
    except gateway.GatewayError as error:
        raise _refusal(error) from error
    return schemas.CustomerResponse(data=described(customer))


def _refusal(error: gateway.GatewayError) -> ApiError:
    match error:
        case gateway.CardDeclined():
            return ApiError("card_declined", error.message, field="token")
        case gateway.InvalidRequest():
            return ApiError("invalid_token", error.message, field="token")
        case _:
            return ApiError("payments_unavailable", _("Stripe does not answer now; nothing was changed."))


@router.post("/sources/{source_id}/default", response=responses_for(schemas.CustomerResponse, 404, signed_in=True))
def choose_source(request: HttpRequest, source_id: requests.PathId) -> schemas.CustomerResponse:
    """Make a saved card the one that is offered first."""
    cards.make_default(card=_card(request, source_id))
    return schemas.CustomerResponse(data=described(customer_of(request)))


@router.delete("/sources/{source_id}", response=responses_for(schemas.CustomerResponse, 404, 503, signed_in=True))
def remove_source(request: HttpRequest, source_id: requests.PathId) -> schemas.CustomerResponse:
    """Forget a saved card, here and at Stripe."""
    try:
        cards.remove(card=_card(request, source_id), at=timezone.now())
    except gateway.GatewayError as error:
        raise _refusal(error) from error
    return schemas.CustomerResponse(data=described(customer_of(request)))


@router.delete("/sources", response=responses_for(schemas.CustomerResponse, 404, 503, signed_in=True))
def remove_named_source(request: HttpRequest, chosen: Query[requests.SourceOnly]) -> schemas.CustomerResponse:
    """Forget the saved card that `source_id` of the query names."""
    return remove_source(request, chosen.source_id)


def _card(request: HttpRequest, source_id: int) -> Card:
    card = customer_of(request).cards.filter(pk=source_id, removed_at=None).first()
    if card is None:
        raise ApiError("unknown_source", _("You have no such card."), field="source_id")
    return card
