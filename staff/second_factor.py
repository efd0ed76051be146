"""Who needs a second factor to sign in, and whether a session has given it."""

import logging

from allauth.account.internal.flows.login import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    clear_authentication_records,
    get_authentication_records,
    record_authentication,
)
from allauth.core import context
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.signals import user_login_failed
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from backoffice.activity.record import record
from backoffice.models import Activity
from customers.models import User
from staff.models import RoleSettings

METHOD = "mfa"
logger = logging.getLogger(__name__)


def is_required(user: User) -> bool:
    """Tell whether one of the user's roles demands a second factor."""
    if user.is_superuser and settings.SUPERUSERS_NEED_SECOND_FACTOR:
        return True
    return RoleSettings.objects.filter(second_factor_required=True, role__user=user).exists()


def demand_second_factor(role: Group, *, required: bool) -> None:
    before = RoleSettings.objects.filter(role=role, second_factor_required=True).exists()
    RoleSettings.objects.update_or_create(role=role, defaults={"second_factor_required": required})
    if before != required:
        changes = {"second_factor_required": (before, required)}
        record(act=Activity.Act.CHANGED, kind=Activity.Kind.RIGHT, obj=role, changes=changes)


def is_set_up(user: User) -> bool:
    """Recovery codes alone are none: they stand in for a factor that was lost."""
    factors = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES)
    return bool(factors.exists())


def with_facts(users: QuerySet[User]) -> QuerySet[User]:
    """Read with users what `facts` tells of each."""
    factors = Authenticator.objects.filter(user=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)
    demanding = RoleSettings.objects.filter(second_factor_required=True, role__user=OuterRef("pk"))
    return users.annotate(factor_is_set_up=Exists(factors), role_demands_factor=Exists(demanding))


def facts(user: User) -> tuple[bool, bool]:
    """Return whether a second factor is set up, and whether one is required, as of the reading of the user."""
    if not hasattr(user, "factor_is_set_up"):  # it has just signed in
        return is_set_up(user), is_required(user)
    by_role = bool(getattr(user, "role_demands_factor", False))
    return bool(user.factor_is_set_up), by_role or (user.is_superuser and settings.SUPERUSERS_NEED_SECOND_FACTOR)


def was_given(request: HttpRequest, user: User) -> bool:
    return any(record["method"] == METHOD for record in get_authentication_records(request, user))


def record_set_up(request: HttpRequest, user: User, kind: str) -> None:
    """Count the setting up, in which a code or key was checked, as the factor of this session."""
    record_authentication(request, user, METHOD, type=kind, reauthenticated=True)


def count_as_confirmed(request: HttpRequest) -> None:
    """Ask nobody to confirm who they are who signed in a moment ago, to set up a second factor for example."""
    records = request.session.get(AUTHENTICATION_METHODS_SESSION_KEY, [])
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [record | {"reauthenticated": True} for record in records]


def forget_given(request: HttpRequest) -> None:
    clear_authentication_records(request)


def remove_all(user: User) -> None:
    """For somebody who lost both the factor and the recovery codes."""
    Authenticator.objects.filter(user=user).delete()
    record_change(user, "", "removed")


def record_change(user: User, factor: str, change: str) -> None:
    changes = {"second_factor": (factor, change)}
    record(act=Activity.Act.CHANGED, kind=Activity.Kind.STAFF, obj=user, changes=changes)


def log_failure(user: User) -> None:
    logger.warning("Sign-in failed: wrong second factor of user %s.", user.pk)
    user_login_failed.send(__name__, credentials={"username": user.get_username()}, request=context.request)
