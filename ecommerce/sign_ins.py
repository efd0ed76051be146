"""Sign-ins of staff, failed ones too, as Django's and allauth's signals tell of them."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext as _

from backoffice.activity.origin import Origin
from backoffice.activity.record import record
from backoffice.models import Activity
from customers.actors import Actor
from customers.client_address import client_address
from customers.models import User

Act, Kind = Activity.Act, Activity.Kind
NAMES = ("username", "login", "email")


def _origin(request: HttpRequest | None, actor: Actor | None) -> Origin:
    address = client_address(request) if request else ""
    if actor is None:
        return Origin(by_kind="system", by_label=_("Somebody not signed in"), address=address)
    return actor.origin(address=address)


@receiver(user_logged_in, dispatch_uid="record_sign_in")
def record_sign_in(request: HttpRequest | None, user: Any, **_more: Any) -> None:
    if user.is_staff:
        record(act=Act.SIGNED_IN, kind=Kind.SIGN_IN, obj=user, by=_origin(request, Actor.staff(user)))


@receiver(user_logged_out, dispatch_uid="record_sign_out")
def record_sign_out(request: HttpRequest | None, user: Any, **_more: Any) -> None:
    if user is not None and user.is_staff:
        record(act=Act.SIGNED_OUT, kind=Kind.SIGN_IN, obj=user, by=_origin(request, Actor.staff(user)))


@receiver(user_login_failed, dispatch_uid="record_failed_sign_in")
def record_failed_sign_in(credentials: dict[str, Any], request: HttpRequest | None = None, **_more: Any) -> None:
    # What was typed is not kept: now and then it is a password. Names of nobody on the staff are not recorded.
    typed = next((str(credentials[name]) for name in NAMES if credentials.get(name)), "")
    staff = User.objects.filter(is_staff=True)
    user = staff.filter(username=typed).first() or (staff.with_email(typed).first() if typed else None)  # type: ignore[attr-defined]
    if user is not None:
        record(act=Act.SIGN_IN_FAILED, kind=Kind.SIGN_IN, obj=user, by=_origin(request, None))
