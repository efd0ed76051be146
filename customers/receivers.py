"""What follows a sign-in, whichever door it was through."""

from typing import Any

from allauth.account.signals import password_reset
from allauth.core.internal.httpkit import is_headless_request
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from customers import known_devices, sessions
from customers.models import User
from customers.sign_in_limits import forget_failures


@receiver(user_logged_in)
def signed_in(sender: Any, request: HttpRequest, user: User, **_known: Any) -> None:
    # The website's sessions belong to a customer, even where a member of staff buys: they open no page of the staff.
    sessions.begin(request, of_staff=user.is_staff and not is_headless_request(request))
    known_devices.remember(request, user)


@receiver(password_reset)
def password_was_reset(sender: Any, request: HttpRequest, user: User, **_known: Any) -> None:
    forget_failures(request, user)
    if not is_headless_request(request):
        known_devices.remember(request, user)
