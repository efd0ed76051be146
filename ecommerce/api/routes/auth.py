"""Signing up, in and out: django-allauth's headless flows, in this API's words."""

import json
from typing import Any

from allauth.account.internal import flows
from allauth.core import ratelimit
from allauth.headless import app_settings
from allauth.headless.account import views
from allauth.headless.account.inputs import SignupInput
from allauth.headless.base.views import APIView
from allauth.headless.constants import Client
from allauth.headless.internal.authkit import authentication_context
from allauth.headless.internal.decorators import mark_request_as_headless
from django.contrib.sessions.backends.base import UpdateError
from django.db import IntegrityError, connection, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from customers import accounts
from customers.models import Customer
from ecommerce.api import schemas
from ecommerce.api.errors import ApiError
from ecommerce.api.responses import responses_for
from ecommerce.api.routes.customer import described, user_of
from ecommerce.api.schemas import requests
from ecommerce.api.security import CustomerToken, customer_of
from ecommerce.api.throttling import PerCaller

router = Router(tags=["Sign-in"])
OK, TOO_MANY = 200, 429
# Where a token was sent along with a sign-in, it is beside the point: it may be an old one's.
CREDENTIALS = ("HTTP_AUTHORIZATION", "HTTP_X_SESSION_TOKEN")


@router.post("/register", response=responses_for(schemas.SignedInResponse, 409, 422))
def register(request: HttpRequest, account: requests.NewAccount) -> schemas.SignedInResponse:
    """Sign up, and be signed in; an e-mail asks to confirm the address.

    An e-mail that is known already gets a link that sets a new password: by it, and only by it, customers whom staff
    had made claim their account.
    """
    if not ratelimit.consume(request, action="signup"):
        raise _too_many()
    _forget(request)
    if accounts.is_email_in_use(account.email):
        raise _taken(request, account.email)
    form = SignupInput(data=account.model_dump())
    if not form.is_valid():
        raise _invalid(form.errors.get_json_data())
    try:
        with transaction.atomic():
            user, _response = form.try_save(request)
    except IntegrityError:  # the same e-mail, at the same time
        raise _taken(request, account.email) from None
    mark_request_as_headless(request, Client.APP)
    with authentication_context(request):
        flows.signup.complete_signup(request, user=user)
        tokens = app_settings.TOKEN_STRATEGY.create_access_token_payload(request)
    return _signed_in(Customer.objects.get(user=user), tokens)


@router.post("/login", response=responses_for(schemas.SignedInResponse, 401))
def login(request: HttpRequest, credentials: requests.Credentials) -> schemas.SignedInResponse:
    """Sign in. After five failures an e-mail is locked out for five minutes (429)."""
    _forget(request)
    status, body = _ask(views.LoginView, request)
    if status == OK:
        return _signed_in(Customer.objects.get(user=body["data"]["user"]["id"]), body["meta"])
    if status == TOO_MANY or any(error["code"] == "too_many_login_attempts" for error in body.get("errors", ())):
        raise _too_many()
    raise ApiError("invalid_credentials", _("E-mail or password is wrong."))


@router.post("/refresh", response=responses_for(schemas.TokensResponse, 401))
def refresh(request: HttpRequest, spent: requests.RefreshToken) -> schemas.TokensResponse:
    """Get new tokens for a refresh token, which is then spent."""
    given = _renewed(spent.refresh_token)
    if given is None:
        raise ApiError("unauthorized", _("This token is spent, or its session has ended: sign in."))
    return schemas.TokensResponse(data=_tokens({"access_token": given[0], "refresh_token": given[1]}))


def _renewed(token: str) -> tuple[str, str] | None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # Whoever sends the same token at once waits here, and then finds it spent.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", [token])
            given: tuple[str, str] | None = app_settings.TOKEN_STRATEGY.refresh_token(token)
            return given
    except UpdateError:  # signed out at the same time
        return None


@router.post(
    "/logout", response=responses_for(schemas.DoneResponse, signed_in=True), auth=CustomerToken(), throttle=PerCaller()
)
def logout(request: HttpRequest) -> schemas.DoneResponse:
    """Sign out: this token, and the refresh token that came with it, end now."""
    _ask(views.SessionView, request, method="DELETE")
    return _done(_("Signed out."))


@router.post("/password/forgot", response=responses_for(schemas.DoneResponse))
def forgot_password(request: HttpRequest, whose: requests.EmailOnly) -> schemas.DoneResponse:
    """Have a link sent that sets a new password. The answer is the same whether or not the e-mail is known."""
    _forget(request)
    accounts.prepare_claim(whose.email)
    if _ask(views.RequestPasswordResetView, request)[0] == TOO_MANY:
        raise _too_many()
    return _done(_("If there is an account of this e-mail, a link is on its way."))


@router.post("/password/reset", response=responses_for(schemas.DoneResponse, 422))
def reset_password(request: HttpRequest, new: requests.NewPassword) -> schemas.DoneResponse:
    """Set a new password with the key from the e-mail's link, which works once. Every session of old ends."""
    _forget(request)
    status, body = _ask(views.ResetPasswordView, request)
    if status == TOO_MANY:
        raise _too_many()
    if "errors" in body:
        raise _invalid_reset(body["errors"])
    return _done(_("The new password is set: sign in with it."))


@router.post("/email/verify", response=responses_for(schemas.DoneResponse, 422))
def verify_email(request: HttpRequest, key: requests.EmailKey) -> schemas.DoneResponse:
    """Confirm an e-mail address with the key from the e-mail's link."""
    _forget(request)
    _status, body = _ask(views.VerifyEmailView, request)
    if "errors" in body:
        raise ApiError("invalid_key", _("This link is spent, or too old."), field="key")
    return _done(_("The e-mail address is confirmed."))


@router.post(
    "/email/resend",
    response=responses_for(schemas.DoneResponse, signed_in=True),
    auth=CustomerToken(),
    throttle=PerCaller(),
)
def resend_email(request: HttpRequest) -> schemas.DoneResponse:
    """Have the link that confirms one's e-mail address sent again, once a minute at most."""
    user = user_of(customer_of(request))
    if not accounts.is_verified(user) and not flows.email_verification.send_verification_email_for_user(request, user):
        raise _too_many()
    return _done(_("A link is on its way, unless the address is confirmed already."))


def _ask(view: type[APIView], request: HttpRequest, *, method: str = "POST") -> tuple[int, dict[str, Any]]:
    """Have one of allauth's own views answer, outside the session of any cookie."""
    asked_by, request.method = request.method, method
    try:
        answer = view.as_api_view(client=Client.APP)(request)
    finally:
        request.method = asked_by
    return answer.status_code, json.loads(answer.content)


def _forget(request: HttpRequest) -> None:
    for name in CREDENTIALS:
        request.META.pop(name, None)


def _tokens(given: dict[str, Any]) -> schemas.Tokens:
    return schemas.Tokens(
        auth_token=given["access_token"],
        refresh_token=given["refresh_token"],
        expires_in=app_settings.JWT_ACCESS_TOKEN_EXPIRES_IN,
    )


def _signed_in(customer: Customer, tokens: dict[str, Any]) -> schemas.SignedInResponse:
    both = {**_tokens(tokens).model_dump(), **described(customer).model_dump()}
    return schemas.SignedInResponse(data=schemas.SignedIn(**both))


def _done(message: str) -> schemas.DoneResponse:
    return schemas.DoneResponse(data=schemas.Done(message=message))


def _too_many() -> ApiError:
    return ApiError("too_many_requests", _("Too many attempts: try again in a few minutes."), retry_after=300)


def _taken(request: HttpRequest, email: str) -> ApiError:
    accounts.prepare_claim(email)
    _ask(views.RequestPasswordResetView, request)
    sentence = _("This e-mail is known already. If it is yours, follow the link that was just sent to it.")
    return ApiError("email_taken", sentence, field="email")


def _invalid(errors: dict[str, list[dict[str, str]]]) -> ApiError:
    field, first = next(iter(errors.items()))
    return ApiError(f"invalid_{field}", first[0]["message"], field=field)


def _invalid_reset(errors: list[dict[str, str]]) -> ApiError:
    if errors[0].get("param") == "password":
        return ApiError("invalid_password", errors[0]["message"], field="password")
    return ApiError("invalid_key", _("This link is spent, or too old."), field="key")
