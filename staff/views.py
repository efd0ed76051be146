"""Pages of the front door that django-allauth does not have, or has for other people."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import raise_if_reauthentication_required
from allauth.account.views import LoginView
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import LogoutView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView, TemplateView

from backoffice import database_clock
from backoffice.activity.record import record
from backoffice.models import Activity
from customers import known_devices
from customers.actors import actor
from customers.change_email import change_email
from customers.models import Customer, User
from staff import invitations, second_factor, sessions
from staff.forms import InvitationPasswordForm, ProfileForm, StaffLoginForm
from staff.models import StaffSession


class StaffLogin(LoginView):  # type: ignore[misc]
    form_class = StaffLoginForm
    template_name = "staff/login.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if isinstance(request.user, User) and not request.user.is_staff:
            logout(request)  # the admin would send them back here
        elif request.user.is_authenticated and request.method == "GET":
            return HttpResponseRedirect(self.get_authenticated_redirect_url())
        response: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return response


class SignOut(LogoutView):
    def get_success_url(self) -> str:
        return reverse("account_login")


class StaffPage(View):
    """For whoever has signed in through the front door; the gate has seen to the second factor."""

    @method_decorator(never_cache)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not isinstance(request.user, User) or not request.user.is_staff:
            return redirect(f"{reverse('account_login')}?next={request.path}")
        return super().dispatch(request, *args, **kwargs)

    @property
    def user(self) -> User:
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101 - for the type checker
        return user


class SetUpSecondFactor(StaffPage, TemplateView):
    template_name = "staff/second_factor.html"


class Account(StaffPage, FormView):  # type: ignore[type-arg]
    template_name = "staff/account.html"
    form_class: Any = ProfileForm
    success_url = reverse_lazy("staff_account")

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"instance": User.objects.get(pk=self.user.pk)}

    def get_form(self, form_class: Any = None) -> Any:
        form: Any = super().get_form(form_class)
        form.by = actor(self.request)
        return form

    def form_valid(self, form: Any) -> HttpResponse:
        old = self.user.email
        if "email" in form.changed_data:
            # Mail to set a new password goes there: who found a screen unlocked must not redirect it.
            raise_if_reauthentication_required(self.request, app="allauth.mfa")
        user = form.save()
        if "email" in form.changed_data:
            _email_was_changed(self.request, user, old)
        messages.success(self.request, _("Your changes are saved."))
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        factors = list(Authenticator.objects.filter(user=self.user).order_by("pk"))
        codes = next((each for each in factors if each.type == Authenticator.Type.RECOVERY_CODES), None)
        return super().get_context_data(
            title=_("My account"),
            app=next((each for each in factors if each.type == Authenticator.Type.TOTP), None),
            passkeys=[each for each in factors if each.type == Authenticator.Type.WEBAUTHN],
            codes_left=len(codes.wrap().get_unused_codes()) if codes else None,
            second_factor_required=second_factor.is_required(self.user),
            sessions=StaffSession.objects.alive().filter(user=self.user),
            current=self.request.session.session_key,
            **kwargs,
        )


def _email_was_changed(request: HttpRequest, user: User, old: str) -> None:
    customer = Customer.objects.filter(user=user).first()
    if customer and user.email:
        change_email(customer=customer, email=user.email, by=actor(request), at=database_clock.now())
    if old:
        get_adapter().send_mail("staff/email/email_changed", old, {"user": user})


class EndSession(StaffPage):
    def post(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """End one session, or without a number all of them, this one included."""
        if pk is None:
            sessions.end_all(self.user)
            logout(request)
            messages.success(request, _("You are signed out everywhere."))
            return redirect("account_login")
        session = get_object_or_404(StaffSession, pk=pk, user=self.user)
        sessions.end(self.user, keys=[session.session_key])
        messages.success(request, _("That session has ended."))
        return redirect("staff_account")


class MemberAct(StaffPage):
    """What a superuser does for another member of staff."""

    def post(self, request: HttpRequest, pk: int, act: str) -> HttpResponse:
        if not self.user.is_superuser:
            raise PermissionDenied
        member = get_object_or_404(User, pk=pk, is_staff=True)
        sentence = getattr(self, act)(member)
        messages.success(request, sentence % {"name": member})
        return redirect("admin:customers_user_change", pk)

    def invite(self, member: User) -> str:
        if not invitations.is_open(member):
            raise PermissionDenied
        invitations.invite(user=member, by=self.user)
        record(act=Activity.Act.SENT_AGAIN, kind=Activity.Kind.MAIL, obj=member, note=_("Invitation"))
        return _("The invitation is on its way to %(name)s again; the link sent before works no more.")

    def end_sessions_of(self, member: User) -> str:
        sessions.end_all(member)
        record(act=Activity.Act.SIGNED_OUT, kind=Activity.Kind.SIGN_IN, obj=member, note=_("Everywhere"))
        return _("%(name)s is signed out everywhere.")

    def remove_second_factor(self, member: User) -> str:
        second_factor.remove_all(member)
        sessions.end_all(member)
        return _("%(name)s has no second factor any more, and is signed out everywhere.")


@method_decorator([never_cache, sensitive_post_parameters("password")], name="dispatch")
class AcceptInvitation(FormView):  # type: ignore[type-arg]
    template_name = "staff/invitation.html"
    form_class: Any = InvitationPasswordForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.invitation = invitations.invitation_of(kwargs["token"])
        if self.invitation is None:
            return self.render_to_response({"title": _("Invitation")}, status=410)
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        assert self.invitation  # noqa: S101 - for the type checker
        return super().get_form_kwargs() | {"user": self.invitation.user}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(title=_("Invitation"), invitation=self.invitation, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        user = invitations.accept(token=self.kwargs["token"], password=form.cleaned_data["password"])
        if user:
            known_devices.remember(self.request, user)
            messages.success(self.request, _("Your password is set. Sign in with it."))
        return HttpResponseRedirect(reverse("account_login"))
