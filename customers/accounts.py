"""Accounts on the website: sign-up, sign-in, and claiming a customer that staff created.

The flows are django-allauth's. Here is what it can't know: that an account belongs to a customer, and that a customer
created by staff is claimed only by setting a password through the link in an e-mail. A password set before the e-mail
is proven could be that of anybody who knows the address.
"""

from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

from allauth.account import app_settings as account_settings
from allauth.account.adapter import DefaultAccountAdapter, get_adapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.core.internal.httpkit import is_headless_request
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import F, Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _

from customers.emails import normal_email, same_email
from customers.mail.layout import sender
from customers.models import Customer, User
from customers.sign_in_limits import begin_attempt

RowT = TypeVar("RowT", bound=Model)
MAX_EMAIL_LENGTH = 254


class StaleLinkError(Exception):
    """A link in an e-mail was spent, or its account changed, while the link was being followed."""


class CustomerBackend(AuthenticationBackend):  # type: ignore[misc]
    """Signs in customers by e-mail, and nobody else."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> User | None:
        user = super().authenticate(request, **credentials) if credentials.get("email") else None
        # allauth would lead an inactive user to a page that says so; here the response is that to a wrong password.
        self.unstash_authenticated_user()
        return user if user and Customer.objects.filter(user=user).exists() else None

    def _authenticate(self, _request: HttpRequest | None, **credentials: Any) -> User | None:
        user = User.objects.with_email(credentials["email"]).first()
        return self._check_password(user, credentials.get("password") or "")  # type: ignore[no-any-return]

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

    def clean_email(self, email: str) -> str:
        normal = stored_spelling(email)
        if len(normal) > MAX_EMAIL_LENGTH:
            raise forms.ValidationError(_("This e-mail is too long."))
        return normal

    def get_client_ip(self, request: HttpRequest) -> str:
        try:
            return str(super().get_client_ip(request))
        except PermissionDenied:
            return "0.0.0.0"  # noqa: S104 - requests through a socket have no address: rate limits count them as one

    def render_mail(
        self, template_prefix: str, email: Any, context: dict[str, Any], headers: Any = None
    ) -> EmailMessage:
        message: EmailMessage = super().render_mail(template_prefix, email, {"sender": sender(), **context}, headers)
        return message

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        # Without a request, too: the site is that of BASE_URL, whatever Host a request names.
        self.render_mail(template_prefix, email, {"current_site": this_site(), "email": email, **context}).send()

    def pre_authenticate(self, _request: HttpRequest, **_credentials: Any) -> None:
        """Count nothing: `authenticate` does."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        attempt = begin_attempt(request, credentials)
        if attempt is None:
            raise self.validation_error("too_many_login_attempts")
        user: User | None = super().authenticate(request, **credentials)
        if user:
            attempt.succeeded()
        else:
            attempt.failed()
        return user

    def get_password_change_redirect_url(self, _request: HttpRequest) -> str:
        return reverse("staff_account")

    def get_login_stages(self) -> list[str]:
        """Ask for no second factor on the website: its sessions open no page of the staff."""
        stages: list[str] = super().get_login_stages()
        website = is_headless_request(self.request)
        return [stage for stage in stages if not (website and stage.startswith("allauth.mfa"))]

    def send_notification_mail(self, template_prefix: str, user: User, *known: Any, **more: Any) -> None:
        if user.is_staff and user.email and not is_headless_request(self.request):
            super().send_notification_mail(template_prefix, user, *known, **more | {"email": user.email})

    def send_password_reset_mail(self, user: User, _email: str, context: dict[str, Any]) -> None:
        # Each at their own door. And to the stored e-mail, never to the typed one, which may be another mailbox of the
        # same key.
        if is_headless_request(self.request):
            if may_reset_password(user):
                super().send_password_reset_mail(user, user.email, context)
        elif user.is_staff:
            key = {"uidb36": context["uid"], "key": context["key"]}
            context["password_reset_url"] = settings.BASE_URL + reverse("account_reset_password_from_key", kwargs=key)
            self.send_mail("account/email/staff_password_reset_key", user.email, context)

    def set_password(self, user: User, password: str) -> None:
        # Of a customer called only through the link in an e-mail, which proves that the e-mail is theirs.
        with transaction.atomic():
            lock_unchanged(user)
            user.set_password(password)
            user.save(update_fields=["password"])
            claim(user)

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        with transaction.atomic():
            lock_unchanged(email_address.user)
            current = EmailAddress.objects.filter(pk=email_address.pk, email=email_address.email).exists()
            confirmed = bool(current and super().confirm_email(request, email_address))
            if confirmed and not email_address.user.is_staff and not is_confirming_own(request, email_address.user):
                request.password_key = end_password(email_address.user)  # type: ignore[attr-defined]
        return confirmed


def is_confirming_own(request: HttpRequest, user: User) -> bool:
    """Whether whoever follows the link is signed in to the account: then mailbox and password are one person's."""
    return getattr(request, "confirming_user_id", None) == user.pk


def end_password(user: User) -> str:
    """End the password and all sessions, which may be those of whoever signed up with another's e-mail.

    Return the key that sets a new one. The caller has locked the user.
    """
    user.set_unusable_password()
    user.save(update_fields=["password"])
    return password_key(user)


def password_key(user: User) -> str:
    token = account_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    return f"{user_pk_to_url_str(user)}-{token}"


def lock_unchanged(user: User) -> None:
    """Lock a user and the customers of the e-mail; raise StaleLinkError if the user is not as it was read any more."""
    # In this order everywhere: customer, user.
    list(Customer.objects.filter(Q(user=user.pk) | Q(email_key=user.email_key)).order_by("pk").select_for_update())
    current = User.objects.select_for_update().filter(pk=user.pk).first()
    if current is None or (current.email, current.password) != (user.email, user.password):
        raise StaleLinkError


def stored_spelling(email: str) -> str:
    """Return an e-mail as allauth must look it up, which it does exactly: in lower case, as the user's is stored."""
    user = User.objects.with_email(email).first()
    return normal_email(user.email if user else email).lower()


def random_username() -> str:
    """Customers never see it: they sign in by e-mail."""
    return f"customer-{get_random_string(12).lower()}"


def this_site() -> dict[str, str]:
    return {"name": urlsplit(settings.BASE_URL).netloc}


def password_reset_message(email: str) -> EmailMessage | None:
    """Return a mail with the link that sets a new password; None if the e-mail has no account that may have one."""
    prepare_claim(email)
    user = User.objects.with_email(email).filter(is_active=True).first()
    if user is None or not may_reset_password(user):
        return None
    link = get_adapter().get_reset_password_from_key_url(password_key(user))
    context = {"user": user, "password_reset_url": link, "current_site": this_site()}
    # To the stored e-mail, never to the typed one, which may be another mailbox of the same key.
    message: EmailMessage = get_adapter().render_mail("account/email/password_reset_key", user.email, context)
    return message


def may_reset_password(user: User) -> bool:
    if user.is_staff:
        return False
    return Customer.objects.filter(user=user).exists() or customers_without_user(user.email).exists()


def change_password(user: User, password: str) -> None:
    """Change a password that its owner has just proven to know; all sessions end. Raise ValidationError."""
    validate_password(password, user)
    with transaction.atomic():
        lock_unchanged(user)
        user.set_password(password)
        User.objects.filter(pk=user.pk).update(password=user.password, session_generation=F("session_generation") + 1)
        get_adapter().send_mail("account/email/password_was_changed", user.email, {"user": user})


def is_email_in_use(email: str) -> bool:
    return User.objects.with_email(email).exists() or Customer.objects.with_email(email).exists()


def customers_without_user(email: str) -> QuerySet[Customer]:
    return Customer.objects.with_email(email).filter(user=None)


def prepare_claim(email: str) -> None:
    """Create a user who can't sign in yet for a customer without one: allauth sends its link to users alone."""
    customer = customers_without_user(email).first()
    if customer and not User.objects.with_email(email).exists():
        with suppress(IntegrityError), transaction.atomic():  # another request for the same e-mail was first
            User.objects.create_user(random_username(), customer.email.lower())


def claim(user: User) -> None:
    """Verify the user's e-mail, and link the customer of that e-mail to a user who has none."""
    if may_reset_password(user):
        if not Customer.objects.filter(user=user).exists():
            customers_without_user(user.email).update(user=user)
        verify(user)


def create_account(*, customer: Customer, password: str) -> User:
    """Create the user of a customer, with a verified e-mail."""
    with transaction.atomic():
        names = {"first_name": customer.first_name, "last_name": customer.last_name}
        user = User.objects.create_user(random_username(), customer.email.lower(), password, **names)
        customer.user = user
        customer.save(update_fields=["user"])
        verify(user)
    return user


def verify(user: User) -> None:
    email = {"email": user.email.lower(), "primary": True, "verified": True}
    # An e-mail has one user: a row of another is left from an earlier one, and only one may be verified.
    stale = Q(user=user) & ~Q(email=email["email"]) | ~Q(user=user) & Q(email=email["email"])
    EmailAddress.objects.filter(stale).delete()
    EmailAddress.objects.update_or_create(user=user, email=email["email"], defaults=email)


def is_verified(user: User) -> bool:
    addresses = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return any(same_email(address, user.email) for address in addresses)


def is_confirmed(customer: Customer) -> bool:
    return customer.user is not None and is_verified(customer.user)


def own_rows(rows: QuerySet[RowT], customer: Customer, *made_by: Q) -> QuerySet[RowT]:
    """Return those rows of a customer that its account may see and use.

    What staff add belongs to whoever reads the e-mail. Until that is confirmed, an account has what it made itself,
    by `by_customer` or the condition `made_by`, and after staff last changed the e-mail.
    """
    if is_confirmed(customer):
        return rows
    made = rows.filter(*(made_by or (Q(by_customer=True),)))
    return made.filter(created_at__gte=customer.email_changed_at) if customer.email_changed_at else made


def own_profile(customer: Customer, text: str) -> str:
    """Return a name or telephone number, unless it came from staff and the e-mail is not confirmed."""
    return "" if customer.profile_by_staff and not is_confirmed(customer) else text
