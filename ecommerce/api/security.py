"""Authentication: a customer with a JWT, or a staff program with an API key."""

from typing import cast

from allauth.headless.contrib.ninja.security import JWTTokenAuth
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.security import HttpBearer

from backoffice import database_clock
from customers.accounts import own_rows
from customers.actors import Actor, ActorKind
from customers.models import Address, Customer
from ecommerce.api.errors import ApiError
from ecommerce.api.throttling import Guest
from ecommerce.models import ApiKey, Order
from ecommerce.orders.errors import OrderError


class CustomerTokenAuth(JWTTokenAuth):  # type: ignore[misc]
    """A customer's token, as `login` returned it. It ends with the sign-out."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_bearerFormat = "JWT"  # noqa: N815 - OpenAPI's name

    def __call__(self, request: HttpRequest) -> Customer | None:
        if super().__call__(request) is None:
            return None
        return getattr(request.user, "customer", None)


def guest(request: HttpRequest) -> Guest | None:
    """Let in whoever sends no token at all; one that is wrong is refused."""
    return None if request.headers.get("Authorization") else Guest()


class ApiKeyAuth(HttpBearer):
    """A staff program's key with the permission that the operation needs."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__()

    def authenticate(self, _request: HttpRequest, token: str) -> ApiKey | None:
        key = ApiKey.objects.valid(token, at=database_clock.now())
        if key and not key.may(self.permission):
            sentence = _("This key may not do that: it lacks the permission %(permission)s.")
            raise ApiError("permission_denied", sentence % {"permission": self.permission})
        return key


def authenticated_customer(request: HttpRequest) -> Customer:
    return cast(Customer, request.auth)  # type: ignore[attr-defined]


def own_orders(customer: Customer) -> QuerySet[Order]:
    """Return the orders that an account may see: those of others only once its e-mail is confirmed."""
    own = Q(placed_by=f"{ActorKind.CUSTOMER}:{customer.user_id}")
    return own_rows(Order.objects.filter(customer=customer), customer, own)


def own_address(customer: Customer, address_id: int) -> Address:
    """Return an address that an account may use; raise OrderError."""
    address = own_rows(customer.addresses.all(), customer).filter(pk=address_id).first()
    if address is None:
        raise OrderError("unknown_address", _("This customer has no such address."), field="address_id")
    return address


def customer_actor(customer: Customer, *, address: str = "") -> Actor:
    return Actor(kind=ActorKind.CUSTOMER, label=str(customer), user_id=customer.user_id, address=address[:45])


def api_key_actor(request: HttpRequest) -> Actor:
    return cast(ApiKey, request.auth).actor  # type: ignore[attr-defined]
