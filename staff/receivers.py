"""What follows a sign-in, a new password, and a change of the second factor."""

from typing import Any

from allauth.account.signals import password_changed, password_reset
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from customers.models import User
from customers.sessions import OF_STAFF
from staff import second_factor, sessions
from staff.models import StaffSession


@receiver(user_logged_in)
def signed_in(sender: Any, request: HttpRequest, user: User, **_known: Any) -> None:
    if request.session.get(OF_STAFF):
        second_factor.count_as_confirmed(request)
        sessions.record(request, user)


@receiver(user_logged_out)
def signed_out(sender: Any, request: HttpRequest, user: User | None, **_known: Any) -> None:
    StaffSession.objects.filter(session_key=request.session.session_key).delete()


@receiver([password_changed, password_reset])
def new_password(sender: Any, request: HttpRequest, user: User, **_known: Any) -> None:
    sessions.end_others(request, user)


@receiver(authenticator_added)
def factor_added(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **_known: Any) -> None:
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        second_factor.record_set_up(request, user, authenticator.type)
        second_factor.record_change(user, authenticator.type, "added")


@receiver(authenticator_removed)
def factor_removed(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **_known: Any) -> None:
    second_factor.record_change(user, authenticator.type, "removed")
    if not second_factor.is_set_up(user):
        second_factor.forget_given(request)
