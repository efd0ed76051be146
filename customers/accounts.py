"""Accounts on the website: how a customer gets one, signs in, and claims one that staff had made.

The flows are django-allauth's; here is only what it can't know: that an account is a customer's, and that a customer
made by staff is claimed by setting a password through the link in an e-mail, and in no other way. A password chosen
before the link is followed would be that of whoever typed the address first.
"""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.models import EmailAddress
from django import forms
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.crypto import get_random_string

from customers.models import Customer, User


class CustomerBackend(AuthenticationBackend):  # type: ignore[misc]
    """Signs in customers by e-mail; staff who are no customers are unknown to it."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        """Give the customer's user, or nobody."""
        found = super().authenticate(request, **credentials) if credentials.get("email") else None
        # allauth lets an inactive user through as far as a page that says so; here the answer is always the same.
        self.unstash_authenticated_user()
        return found if found and Customer.objects.filter(user=found).exists() else None

    def get_user(self, user_id: Any) -> User | None:
        """Give the user of a session, with the customer, whom every request asks for."""
        found = User.objects.select_related("customer").filter(pk=user_id).first()
        return found if found and self.user_can_authenticate(found) else None


class SignUpForm(forms.Form):
    """What may be said at signing up, beside e-mail and password."""

    first_name = forms.CharField(max_length=100, required=False)
    last_name = forms.CharField(max_length=100, required=False)
    phone = forms.CharField(max_length=40, required=False)

    def signup(self, _request: HttpRequest, user: User) -> None:
        """Make the customer; the caller holds the transaction."""
        Customer.objects.create(user=user, email=user.email, **{name: self.cleaned_data[name] for name in TOLD})


TOLD = ("first_name", "last_name", "phone")


class CustomerAccounts(DefaultAccountAdapter):  # type: ignore[misc]
    """What allauth asks of us."""

    def generate_unique_username(self, *_known: Any) -> str:
        """Give a user name that nobody types, and that says nothing about the customer."""
        return unused_username()

    def get_client_ip(self, request: HttpRequest) -> str:
        """Give the address that is counted; all who come through a socket without one are counted as one."""
        try:
            return str(super().get_client_ip(request))
        except PermissionDenied:
            return "0.0.0.0"  # noqa: S104 - nobody listens there

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Send a link to customers alone: staff who forgot theirs ask an administrator."""
        if may_reset(user):
            super().send_password_reset_mail(user, email, context)

    def set_password(self, user: User, password: str) -> None:
        """Set a password. Only the link in an e-mail leads here, which proves that the e-mail is theirs."""
        with transaction.atomic():
            super().set_password(user, password)
            claim(user)


def unused_username() -> str:
    """Give a user name for somebody who signs in by e-mail."""
    return f"customer-{get_random_string(12).lower()}"


def may_reset(user: User) -> bool:
    """Tell whether a user may set a password through an e-mail: a customer, or one who is about to become one."""
    return not user.is_staff and (Customer.objects.filter(user=user).exists() or claimable(user.email).exists())


def known(email: str) -> bool:
    """Tell whether an e-mail belongs to somebody already, with an account or without."""
    return User.objects.filter(email__iexact=email).exists() or Customer.objects.filter(email__iexact=email).exists()


def claimable(email: str) -> QuerySet[Customer]:
    """Find the customer whom staff made under this e-mail, and who has no account yet."""
    return Customer.objects.filter(email__iexact=email, user=None)


def prepare_claim(email: str) -> None:
    """Give a customer without an account a user who can't sign in, for the link in the e-mail to be made out to."""
    customer = claimable(email).first()
    if customer and not User.objects.filter(email__iexact=email).exists():
        User.objects.create_user(unused_username(), customer.email)


def claim(user: User) -> None:
    """Make the e-mail of a user verified, and the customer of that e-mail theirs."""
    if may_reset(user):
        claimable(user.email).update(user=user)
        _verify(user)


def open_account(*, customer: Customer, password: str) -> User:
    """Give a customer an account whose e-mail is known to be theirs."""
    with transaction.atomic():
        names = {"first_name": customer.first_name, "last_name": customer.last_name}
        user = User.objects.create_user(unused_username(), customer.email, password, **names)
        customer.user = user
        customer.save(update_fields=["user"])
        _verify(user)
    return user


def _verify(user: User) -> None:
    email = {"email": user.email.lower(), "primary": True, "verified": True}
    EmailAddress.objects.filter(user=user).exclude(email=email["email"]).update(primary=False)
    EmailAddress.objects.update_or_create(user=user, email=email["email"], defaults=email)


def is_verified(user: User) -> bool:
    """Tell whether a user proved that the e-mail is theirs."""
    return bool(EmailAddress.objects.filter(user=user, verified=True).exists())
