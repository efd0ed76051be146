"""What django-allauth asks about second factors, and about sign-ins by OpenID Connect."""

import logging
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from customers.models import User
from staff import second_factor

logger = logging.getLogger(__name__)


class StaffSecondFactors(DefaultMFAAdapter):  # type: ignore[misc]
    def get_totp_issuer(self) -> str:
        return "Pelcro Orders"

    def get_totp_label(self, user: User) -> str:
        return user.get_username()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        others = Authenticator.objects.filter(user=authenticator.user).exclude(pk=authenticator.pk)
        is_last = not others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
        return not (is_last and second_factor.is_required(authenticator.user))


class StaffSingleSignOn(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Signs in staff who are here already, by an e-mail that the provider has verified; grants nothing."""

    def is_open_for_signup(self, _request: HttpRequest, _sociallogin: Any) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        if sociallogin.state.get("process") != "login":
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("account_login")))
        # Each time anew: an account that was linked once would outlive a change of the e-mail.
        verified = [address.email for address in sociallogin.email_addresses if address.verified is True]
        user = User.objects.with_email(verified[0]).first() if verified else None
        if user is None or not (user.is_staff and user.is_active):
            logger.warning("Sign-in failed: nobody of the staff has the e-mail of a sign-in by OpenID Connect.")
            raise _refused(request, _("Nobody of the staff has this account's verified e-mail. Ask to be invited."))
        sociallogin.user = user

    def on_authentication_error(self, request: HttpRequest, _provider: Any, **what: Any) -> None:
        logger.warning("Sign-in failed by OpenID Connect: %s %r.", what.get("error"), what.get("exception"))
        raise _refused(request, _("That sign-in did not work. Try again, or use your password."))


def _refused(request: HttpRequest, sentence: str) -> ImmediateHttpResponse:
    get_adapter().add_message(request, messages.ERROR, message=sentence)
    return ImmediateHttpResponse(HttpResponseRedirect(reverse("account_login")))
