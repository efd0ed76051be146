"""The signed-in customer, with addresses and saved cards."""

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Query, Router

from backoffice import database_clock
from backoffice.enqueue import enqueue_on_commit
from billing import card_attempts, cards, declines, gateway
from billing.models import Card, CardAttempt
from billing.tasks import remove_at_stripe
from customers.accounts import is_confirmed, own_rows
from customers.client_address import counted_address
from customers.models import Address, Customer
from ecommerce.api.errors import ApiError
from ecommerce.api.responses import responses_for
from ecommerce.api.schemas.customers import CustomerResponse
from ecommerce.api.schemas.requests import (
    AddAddressRequest,
    AddSourceRequest,
    ChangeCustomerRequest,
    PathId,
    RemoveSourceRequest,
)
from ecommerce.api.security import CustomerTokenAuth, authenticated_customer, customer_actor
from ecommerce.api.throttling import PerCaller
from ecommerce.orders.pay import check_declines, is_token

router = Router(tags=["Customer"], auth=CustomerTokenAuth(), throttle=PerCaller())


def customer_response(customer: Customer) -> CustomerResponse:
    return CustomerResponse.model_validate({"data": customer})


@router.get("", response=responses_for(CustomerResponse, signed_in=True))
def read_customer(request: HttpRequest) -> CustomerResponse:
    """Read the signed-in customer, with saved addresses and cards (`sources`)."""
    return customer_response(authenticated_customer(request))


@router.patch("", response=responses_for(CustomerResponse, signed_in=True))
def change_customer(request: HttpRequest, body: ChangeCustomerRequest) -> CustomerResponse:
    """Change the signed-in customer's name or telephone number."""
    customer = authenticated_customer(request)
    changes = body.model_dump(exclude_none=True)
    if is_confirmed(customer) or changes.keys() == body.model_fields.keys():
        changes["profile_by_staff"] = False
    Customer.objects.filter(pk=customer.pk).update(**changes)
    customer.refresh_from_db()
    return customer_response(customer)


@router.post("/addresses", response=responses_for(CustomerResponse, signed_in=True))
def add_address(request: HttpRequest, body: AddAddressRequest) -> CustomerResponse:
    """Save an address. The response is the customer; the new address has the highest id."""
    customer = authenticated_customer(request)
    with transaction.atomic():
        # Locks the customer: two new defaults at once would violate the unique index.
        list(Customer.objects.select_for_update().filter(pk=customer.pk))
        if body.is_default:
            customer.addresses.filter(kind=body.type, is_default=True).update(is_default=False)
        fields = body.frozen(default_name=customer.name or customer.email)
        Address.objects.create(
            customer=customer, kind=body.type, is_default=body.is_default, by_customer=True, **fields
        )
    return customer_response(customer)


@router.delete("/addresses/{address_id}", response=responses_for(CustomerResponse, 404, signed_in=True))
def remove_address(request: HttpRequest, address_id: PathId) -> CustomerResponse:
    """Remove a saved address. Orders that were sent there keep their copy."""
    customer = authenticated_customer(request)
    with transaction.atomic():
        # What webhooks tell of a customer is numbered under the customer's lock, in the order of the commits.
        list(Customer.objects.select_for_update(no_key=True).filter(pk=customer.pk))
        deleted, _rows = own_rows(customer.addresses.all(), customer).filter(pk=address_id).delete()
    if not deleted:
        raise ApiError("unknown_address", _("You have no such address."), field="address_id")
    return customer_response(customer)


@router.post("/sources", response=responses_for(CustomerResponse, 402, 422, 503, signed_in=True))
def add_source(request: HttpRequest, body: AddSourceRequest) -> CustomerResponse:
    """Save a card. The response is the customer; the new card has the highest id."""
    customer, token = authenticated_customer(request), body.token or body.gateway_token or ""
    if not is_token(token):
        raise ApiError("card_required", _("Give a token of Stripe's: tok_… or pm_…."), field="token")
    attempt = _count_attempt(request, customer)
    weight = 0
    try:
        cards.save(customer=customer, token=token, by_customer=True, default=body.is_default)
    except gateway.GatewayError as error:
        if isinstance(error, gateway.CardDeclined):
            weight = declines.weight(failure_code=error.code, decline_code=error.decline_code)
        raise _api_error(error) from error
    finally:
        card_attempts.close(attempt, weight=weight)
    return customer_response(customer)


def _count_attempt(request: HttpRequest, customer: Customer) -> CardAttempt:
    by = customer_actor(customer, address=counted_address(request))
    with transaction.atomic():
        check_declines(customer, by=by)
        return card_attempts.record(customer=customer, address=by.address)


def _api_error(error: gateway.GatewayError) -> ApiError:
    match error:
        case gateway.CardDeclined():
            _code, message = declines.for_customer(error.decline_code, error.message)
            return ApiError("card_declined", message, field="token")
        case gateway.InvalidRequest():
            return ApiError("invalid_token", error.message, field="token")
        case _:
            return ApiError("payments_unavailable", _("Stripe does not answer now; nothing was changed."))


@router.post("/sources/{source_id}/default", response=responses_for(CustomerResponse, 404, signed_in=True))
def choose_source(request: HttpRequest, source_id: PathId) -> CustomerResponse:
    """Make a saved card the default."""
    cards.make_default(card=_card(request, source_id))
    return customer_response(authenticated_customer(request))


@router.delete("/sources/{source_id}", response=responses_for(CustomerResponse, 404, signed_in=True))
def remove_source(request: HttpRequest, source_id: PathId) -> CustomerResponse:
    """Remove a saved card: here at once, and at Stripe as soon as it answers."""
    for removal in cards.remove(card=_card(request, source_id), at=database_clock.now()):
        enqueue_on_commit(remove_at_stripe, removal_id=removal.pk)
    return customer_response(authenticated_customer(request))


@router.delete("/sources", response=responses_for(CustomerResponse, 404, signed_in=True))
def remove_named_source(request: HttpRequest, query: Query[RemoveSourceRequest]) -> CustomerResponse:
    """Remove the saved card that `source_id` of the query names, here at once, and at Stripe as soon as it answers."""
    return remove_source(request, query.source_id)


def _card(request: HttpRequest, source_id: int) -> Card:
    customer = authenticated_customer(request)
    card = own_rows(customer.cards.filter(removed_at=None), customer).filter(pk=source_id).first()
    if card is None:
        raise ApiError("unknown_source", _("You have no such card."), field="source_id")
    return card
