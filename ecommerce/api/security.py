"""Who asks: a customer with a token, or a staff program with a key."""

from typing import Any, cast

from allauth.headless.contrib.ninja.security import JWTTokenAuth
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.security import HttpBearer

from customers.actors import Actor, ActorKind
from customers.models import Customer
from ecommerce.api.errors import ApiError
from ecommerce.models import ApiKey


class CustomerToken(JWTTokenAuth):  # type: ignore[misc]
    """A customer's token, as `login` gave it. It ends with the sign-out."""

    openapi_type = "http"
    openapi_scheme = "bearer"
    openapi_bearerFormat = "JWT"  # noqa: N815 - OpenAPI's name

    def __call__(self, request: HttpRequest) -> Customer | None:
        """Give the customer."""
        if super().__call__(request) is None:
            return None
        return getattr(request.user, "customer", None)


class StaffKey(HttpBearer):
    """A staff program's key, which carries permissions. Keys are made in the admin."""

    def __init__(self, permission: str) -> None:
        self.permission = permission
        super().__init__()

    def authenticate(self, _request: HttpRequest, token: str) -> Any:
        """Give the key."""
        key = ApiKey.objects.valid(token, at=timezone.now())
        if key and not key.may(self.permission):
            sentence = _("This key may not do that: it lacks the permission %(permission)s.")
            raise ApiError("permission_denied", sentence % {"permission": self.permission})
        return key


def customer_of(request: HttpRequest) -> Customer:
    """Give the customer who asks."""
    return cast(Customer, request.auth)  # type: ignore[attr-defined]


def key_of(request: HttpRequest) -> ApiKey:
    """Give the key that asks."""
    return cast(ApiKey, request.auth)  # type: ignore[attr-defined]


def acting(customer: Customer) -> Actor:
    """Name a customer as the one who acts."""
    return Actor(kind=ActorKind.CUSTOMER, label=str(customer), user_id=customer.user_id)
