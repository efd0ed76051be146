"""Accounts on the website: sign-up, sign-in, and claiming a customer that staff created.

The flows are django-allauth's. Here is what it can't know: that an account belongs to a customer, and that a customer
created by staff is claimed only by setting a password through the link in an e-mail. A password set before the e-mail
is proven could be that of anybody who knows the address.
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
    """Signs in customers by e-mail, and nobody else."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        user = super().authenticate(request, **credentials) if credentials.get("email") else None
        # allauth would lead an inactive user to a page that says so; here the response is that to a wrong password.
        self.unstash_authenticated_user()
        return user if user and Customer.objects.filter(user=user).exists() else None

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.select_related("customer").filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None


CUSTOMER_FIELDS = ("first_name", "last_name", "phone")


class SignUpForm(forms.Form):
    """Fields beside e-mail and password."""

    first_name = forms.CharField(max_length=100, required=False)
    last_name = forms.CharField(max_length=100, required=False)
    phone = forms.CharField(max_length=40, required=False)

    def signup(self, _request: HttpRequest, user: User) -> None:
        """Create the customer, inside the caller's transaction."""
        fields = {name: self.cleaned_data[name] for name in CUSTOMER_FIELDS}
        Customer.objects.create(user=user, email=user.email, **fields)


class CustomerAccounts(DefaultAccountAdapter):  # type: ignore[misc]
    def generate_unique_username(self, *_known: Any) -> str:
        return random_username()

    def get_client_ip(self, request: HttpRequest) -> str:
        try:
            return str(super().get_client_ip(request))
        except PermissionDenied:
            return "0.0.0.0"  # noqa: S104 - requests through a socket have no address: rate limits count them as one

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        # Not to staff: an administrator sets their passwords.
        if may_reset_password(user):
            super().send_password_reset_mail(user, email, context)

    def set_password(self, user: User, password: str) -> None:
        # Called only through the link in an e-mail, which proves that the e-mail is theirs.
        with transaction.atomic():
            super().set_password(user, password)
            claim(user)


def random_username() -> str:
    """Customers never see it: they sign in by e-mail."""
    return f"customer-{get_random_string(12).lower()}"


def may_reset_password(user: User) -> bool:
    if user.is_staff:
        return False
    return Customer.objects.filter(user=user).exists() or customers_without_user(user.email).exists()


def is_email_in_use(email: str) -> bool:
    return User.objects.filter(email__iexact=email).exists() or Customer.objects.filter(email__iexact=email).exists()


def customers_without_user(email: str) -> QuerySet[Customer]:
    return Customer.objects.filter(email__iexact=email, user=None)


def prepare_claim(email: str) -> None:
    """Create a user who can't sign in yet for a customer without one: allauth sends its link to users alone."""
    customer = customers_without_user(email).first()
    if customer and not User.objects.filter(email__iexact=email).exists():
        User.objects.create_user(random_username(), customer.email)


def claim(user: User) -> None:
    """Verify the user's e-mail, and link the customer of that e-mail to the user."""
    if may_reset_password(user):
        customers_without_user(user.email).update(user=user)
        _verify(user)


def create_account(*, customer: Customer, password: str) -> User:
    """Create the user of a customer, with a verified e-mail."""
    with transaction.atomic():
        names = {"first_name": customer.first_name, "last_name": customer.last_name}
        user = User.objects.create_user(random_username(), customer.email, password, **names)
        customer.user = user
        customer.save(update_fields=["user"])
        _verify(user)
    return user


def _verify(user: User) -> None:
    email = {"email": user.email.lower(), "primary": True, "verified": True}
    EmailAddress.objects.filter(user=user).exclude(email=email["email"]).update(primary=False)
    EmailAddress.objects.update_or_create(user=user, email=email["email"], defaults=email)


def is_verified(user: User) -> bool:
    return bool(EmailAddress.objects.filter(user=user, verified=True).exists())
