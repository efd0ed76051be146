"""Who is behind what a request writes: the member of staff, the customer, or the API key."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from backoffice.activity.origin import Origin, acting
from customers.actors import Actor, ActorKind
from customers.client_address import client_address
from customers.models import Customer, User
from ecommerce.api.security import customer_actor
from ecommerce.models import ApiKey


def activity_middleware(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        # Asked at the first write: only then is it known whose token or key came along.
        with acting(lambda: origin_of(request)):
            return get_response(request)

    return middleware


def origin_of(request: HttpRequest) -> Origin:
    actor = actor_of(request)
    address = client_address(request) if actor.kind is ActorKind.STAFF else ""
    return actor.origin(address=address)


def actor_of(request: HttpRequest) -> Actor:
    """Return whom Activity names: a visitor is a customer whom nobody knows."""
    return _known(request) or Actor(kind=ActorKind.CUSTOMER, label=_("A visitor of the website"))


def reference_of(request: HttpRequest) -> str:
    """Name in logs who acts: `staff:5`, `customer:7`, `visitor`."""
    known = _known(request)
    return known.reference if known else "visitor"


def _known(request: HttpRequest) -> Actor | None:
    # Who is signed in, as far as that has been asked by now.
    authenticated = getattr(request, "auth", None)
    if isinstance(authenticated, ApiKey):
        return authenticated.actor
    if isinstance(authenticated, Customer):
        return customer_actor(authenticated)
    # Not `request.user`, which may still have to be read: a write is no place for that.
    user = getattr(request, "_cached_user", None)
    if not isinstance(user, User):
        return None
    return Actor.staff(user) if user.is_staff else Actor(kind=ActorKind.CUSTOMER, label=str(user), user_id=user.pk)
