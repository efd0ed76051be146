"""Forms of the front door."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.fields import SetPasswordField
from allauth.account.forms import ChangePasswordForm, LoginForm
from allauth.account.models import Login
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldBooleanSwitchWidget

from customers.actors import Actor
from customers.change_email import EmailError, check_email
from customers.models import Customer, User
from staff import second_factor
from staff.models import RoleSettings

LOGIN = {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "autofocus": True}
PASSWORD = {"autocomplete": "current-password"}


class StaffLoginForm(LoginForm):  # type: ignore[misc]
    """Takes a user name or an e-mail of the staff."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        name = forms.CharField(label=_("User name or e-mail"), max_length=254, widget=forms.TextInput(LOGIN))
        password = forms.CharField(label=_("Password"), strip=False, widget=forms.PasswordInput(PASSWORD))
        self.fields: dict[str, forms.Field] = {"username": name, "password": password}

    def user_credentials(self) -> dict[str, str]:
        name = self.cleaned_data["username"].strip()
        by_email = User.objects.with_email(name).filter(is_staff=True).first() if "@" in name else None
        return {"username": by_email.username if by_email else name, "password": self.cleaned_data["password"]}

    def clean(self) -> dict[str, Any]:
        if not self.errors:
            user = get_adapter().authenticate(self.request, **self.user_credentials())
            if user is None or not user.is_staff:
                raise ValidationError(_("User name or password is wrong."), code="invalid_login")
            self.user, self._login = user, Login(user=user)
        cleaned: dict[str, Any] = self.cleaned_data
        return cleaned


class OwnPasswordForm(ChangePasswordForm):  # type: ignore[misc]
    def clean_oldpassword(self) -> str:
        password: str = self.cleaned_data.get("oldpassword", "")
        # Counted as a sign-in: a session left open must not be a place to guess the password at leisure.
        if not get_adapter().reauthenticate(self.user, password):
            raise ValidationError(_("That is not your current password."), code="enter_current_password")
        return password


class SecondFactorForm(AuthenticateForm):  # type: ignore[misc]
    def clean_code(self) -> str:
        try:
            return str(super().clean_code())
        except ValidationError:
            second_factor.log_failure(self.user)
            raise


class PasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """Asks for a key that signs in by itself, which every phone and computer of today can be."""

    name = forms.CharField(label=gettext_lazy("Name"), required=False, max_length=100)
    passwordless = forms.BooleanField(
        label=gettext_lazy("Sign in with this key alone"),
        help_text=gettext_lazy(
            "The device then asks for a fingerprint, a face or its PIN. Without it, the key is used after the password."
        ),
        required=False,
        initial=True,
    )


class InvitationPasswordForm(forms.Form):
    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        password = self.fields["password"] = SetPasswordField(label=_("New password"))
        password.user = user


class EmailForm(forms.ModelForm):  # type: ignore[type-arg]
    """Checks an e-mail of somebody who may buy here, too."""

    by: Actor

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        customer = Customer.objects.filter(user=self.instance).first() if self.instance.pk else None
        if customer and email:
            try:
                check_email(customer=customer, email=email, by=self.by)
            except EmailError as error:
                raise ValidationError(str(error)) from error
        return email


class ProfileForm(EmailForm):
    class Meta:
        model = User
        fields = ("first_name", "last_name", "email")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        complete = {"first_name": "given-name", "last_name": "family-name", "email": "email"}
        for name, value in complete.items():
            self.fields[name].widget.attrs["autocomplete"] = value


class StaffMemberForm(EmailForm):
    """Refuses to take the right of the last superuser away; the database does, too, for whatever has no form."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        stays = cleaned.get("is_superuser", True) and cleaned.get("is_active", True)
        if self.instance.pk and not stays and is_last_superuser(self.instance.pk):
            raise ValidationError(_("This is the last superuser: make somebody else a superuser first."))
        return cleaned


class InviteForm(EmailForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["email"].required = True

    def clean_email(self) -> str:
        email = super().clean_email()
        if User.objects.with_email(email).exists():
            raise ValidationError(_("Another user has this e-mail."))
        return email

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        user = self.instance
        user.is_staff, user.username = True, _free_username(user.email)
        user.set_unusable_password()
        return super().save(commit=commit)


def is_last_superuser(pk: int) -> bool:
    superusers = User.objects.filter(is_superuser=True, is_active=True, is_staff=True)
    return superusers.filter(pk=pk).exists() and not superusers.exclude(pk=pk).exists()


def _free_username(email: str) -> str:
    # Their e-mail, which they sign in with anyway.
    longest = User._meta.get_field("username").max_length or 150  # noqa: SLF001 - Django's public Meta API
    taken = User.objects.filter(username=email[:longest]).exists()
    return f"{email[: longest - 9]}-{User.objects.count()}" if taken else email[:longest]


_CEILING: Any = RoleSettings._meta.get_field("discount_ceiling")  # noqa: SLF001 - Django's public Meta API


class RoleForm(forms.ModelForm):  # type: ignore[type-arg]
    second_factor_required = forms.BooleanField(
        label=gettext_lazy("Second factor required"),
        help_text=gettext_lazy("Everyone with this role sets up an authenticator app or a passkey first."),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
    )
    discount_ceiling = _CEILING.formfield(
        # A model's validators are not the form field's.
        min_value=0,
        max_value=100,
        label=gettext_lazy("Discount ceiling in percent"),
        widget=UnfoldAdminDecimalFieldWidget,
    )

    class Meta:
        model = Group
        fields = ("name", "permissions")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        settings = RoleSettings.objects.filter(role=self.instance.pk).first()
        self.initial["second_factor_required"] = bool(settings and settings.second_factor_required)
        self.initial["discount_ceiling"] = settings.discount_ceiling if settings else None
