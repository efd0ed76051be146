"""Sign-up, sign-in and sign-out: django-allauth's headless views behind this API's schemas and errors."""

import json
import re
from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.internal import flows
from allauth.core import ratelimit
from allauth.headless import app_settings
from allauth.headless.account import views
from allauth.headless.account.inputs import SignupInput
from allauth.headless.base.views import APIView
from allauth.headless.constants import Client
from allauth.headless.internal.authkit import authentication_context
from allauth.headless.internal.decorators import mark_request_as_headless
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from customers import accounts
from customers.mail import outbox
from customers.models import Customer, User
from customers.refresh_tokens import renew
from ecommerce.api.errors import ApiError
from ecommerce.api.responses import responses_for
from ecommerce.api.schemas.customers import Customer as CustomerSchema
from ecommerce.api.schemas.customers import (
    MessageResponse,
    SignedInCustomer,
    SignInResponse,
    Tokens,
    TokensResponse,
    VerifiedEmailResponse,
)
from ecommerce.api.schemas.requests import (
    ForgotPasswordRequest,
    LoginRequest,
    RefreshRequest,
    RegisterRequest,
    ResetPasswordRequest,
    VerifyEmailRequest,
)
from ecommerce.api.security import CustomerTokenAuth
from ecommerce.api.throttling import PerCaller

router = Router(tags=["Sign-in"])
OK, TOO_MANY, SERVER_ERROR = 200, 429, 500
KEY_OF_A_LINK = re.compile(r"[0-9A-Za-z]+-.+")
# Removed before a sign-in: the token may be of an old session.
TOKEN_HEADERS = ("HTTP_AUTHORIZATION", "HTTP_X_SESSION_TOKEN")


@router.post("/register", response=responses_for(SignInResponse, 409, 422))
def register(request: HttpRequest, body: RegisterRequest) -> SignInResponse:
    """Sign up and sign in; an e-mail asks to confirm the address.

    To an e-mail that has an account already, a link is sent that sets a new password. Customers whom staff created
    claim their account by this link, and by no other way.
    """
    if not ratelimit.consume(request, action="signup"):
        raise too_many_attempts()
    _ignore_tokens(request)
    if accounts.is_email_in_use(body.email):
        raise _email_taken(request, body.email)
    form = SignupInput(data=body.model_dump() | {"email": accounts.stored_spelling(body.email)})
    if not form.is_valid():
        raise _invalid_signup(form.errors.get_json_data())
    mark_request_as_headless(request, Client.APP)
    try:
        # Account, customer, session and mail, or nothing of them: no error leaves half an account behind.
        with transaction.atomic(), authentication_context(request):
            user, _response = form.try_save(request)
            flows.signup.complete_signup(request, user=user)
            tokens = app_settings.TOKEN_STRATEGY.create_access_token_payload(request)
    except IntegrityError:  # the same e-mail, at the same time
        raise _email_taken(request, body.email) from None
    return _sign_in_response(request, Customer.objects.get(user=user), tokens)


@router.post("/login", response=responses_for(SignInResponse, 401))
def login(request: HttpRequest, body: LoginRequest) -> SignInResponse:
    """Sign in. After five failures an e-mail is locked out at that address for five minutes, then longer (429).

    A device that sends the `device_token` of its last sign-in is counted for itself.
    """
    _ignore_tokens(request)
    request.device_token = body.device_token  # type: ignore[attr-defined]
    _replace_email(request, body.email)
    status, response = _call_allauth(views.LoginView, request)
    if status == OK:
        return _sign_in_response(request, Customer.objects.get(user=response["data"]["user"]["id"]), response["meta"])
    if status == TOO_MANY or any(error["code"] == "too_many_login_attempts" for error in response.get("errors", ())):
        raise too_many_attempts()
    raise ApiError("invalid_credentials", _("E-mail or password is wrong."))


@router.post("/refresh", response=responses_for(TokensResponse, 401))
def refresh(request: HttpRequest, body: RefreshRequest) -> TokensResponse:
    """Exchange a refresh token, which works once, for new tokens. A second use ends all tokens of its sign-in."""
    renewed = renew(body.refresh_token)
    if renewed is None:
        raise ApiError("unauthorized", _("This token is spent, or its session has ended: sign in."))
    access_token, refresh_token = renewed
    return TokensResponse.model_validate({"data": _tokens(access_token, refresh_token)})


@router.post(
    "/logout", response=responses_for(MessageResponse, signed_in=True), auth=CustomerTokenAuth(), throttle=PerCaller()
)
def logout(request: HttpRequest) -> MessageResponse:
    """Sign out: this token, and the refresh token that came with it, end now."""
    _call_allauth(views.SessionView, request, method="DELETE")
    return message_response(_("Signed out."))


@router.post("/password/forgot", response=responses_for(MessageResponse))
def forgot_password(request: HttpRequest, body: ForgotPasswordRequest) -> MessageResponse:
    """Send a link that sets a new password. The response is the same whether or not the e-mail is known."""
    _ignore_tokens(request)
    _send_password_reset(request, body.email)
    return message_response(_("If there is an account of this e-mail, a link is on its way."))


@router.post("/password/reset", response=responses_for(MessageResponse, 422))
def reset_password(request: HttpRequest, body: ResetPasswordRequest) -> MessageResponse:
    """Set a new password with the key from the e-mail's link, which works once. All earlier sessions end."""
    _ignore_tokens(request)
    if not KEY_OF_A_LINK.fullmatch(body.key):  # allauth fails over one without a user's id
        raise _invalid_key()
    try:
        status, response = _call_allauth(views.ResetPasswordView, request)
    except accounts.StaleLinkError:
        raise _invalid_key() from None
    if status == TOO_MANY:
        raise too_many_attempts()
    if "errors" in response:
        raise _invalid_reset(response["errors"])
    return message_response(_("The new password is set: sign in with it."))


@router.post("/email/verify", response=responses_for(VerifiedEmailResponse, 422))
def verify_email(request: HttpRequest, body: VerifyEmailRequest) -> VerifiedEmailResponse:
    """Confirm an e-mail address with the key from the e-mail's link.

    Send the customer's token where they are signed in. Without it, the password may be of somebody else, who signed up
    with this e-mail: it ends with all sessions, and `password_key` sets a new one.
    """
    request.confirming_user_id = _signed_in_user_id(request)  # type: ignore[attr-defined]
    _ignore_tokens(request)
    try:
        status, response = _call_allauth(views.VerifyEmailView, request)
    except accounts.StaleLinkError:
        raise _invalid_key() from None
    if "errors" in response or status == SERVER_ERROR:
        raise _invalid_key()
    password_key = getattr(request, "password_key", None)
    confirmed = _("The e-mail address is confirmed.")
    message = _("The e-mail address is confirmed. Now set a password.") if password_key else confirmed
    return VerifiedEmailResponse.model_validate({"data": {"message": message, "password_key": password_key}})


def _signed_in_user_id(request: HttpRequest) -> int | None:
    customer = CustomerTokenAuth()(request)
    return customer.user_id if customer else None


@router.post(
    "/email/resend",
    response=responses_for(MessageResponse, signed_in=True),
    auth=CustomerTokenAuth(),
    throttle=PerCaller(),
)
def resend_email(request: HttpRequest) -> MessageResponse:
    """Send the link that confirms the e-mail address again, once a minute at most."""
    user = cast(User, request.user)
    if not accounts.is_verified(user) and not flows.email_verification.send_verification_email_for_user(request, user):
        raise too_many_attempts()
    return message_response(_("A link is on its way, unless the address is confirmed already."))


def _call_allauth(view: type[APIView], request: HttpRequest, *, method: str = "POST") -> tuple[int, dict[str, Any]]:
    """Call one of allauth's own views, as its app client, so that no session cookie is read or set."""
    original_method, request.method = request.method, method
    try:
        response = view.as_api_view(client=Client.APP)(request)
    finally:
        request.method = original_method
    return response.status_code, json.loads(response.content)


def _replace_email(request: HttpRequest, email: str) -> None:
    """Replace the e-mail in the body by its stored spelling, before allauth validates it and counts attempts by it."""
    body = json.loads(request.body) | {"email": accounts.stored_spelling(email)}
    request._body = json.dumps(body).encode()  # noqa: SLF001 - has no setter


def _ignore_tokens(request: HttpRequest) -> None:
    for header in TOKEN_HEADERS:
        request.META.pop(header, None)


def _tokens(access_token: str, refresh_token: str) -> Tokens:
    expires_in = app_settings.JWT_ACCESS_TOKEN_EXPIRES_IN
    return Tokens(auth_token=access_token, refresh_token=refresh_token, expires_in=expires_in)


def _sign_in_response(request: HttpRequest, customer: Customer, payload: dict[str, Any]) -> SignInResponse:
    tokens = _tokens(payload["access_token"], payload["refresh_token"])
    profile = CustomerSchema.model_validate(customer)
    device: str = request.device_token  # type: ignore[attr-defined]
    data = SignedInCustomer.model_construct(**dict(tokens), **dict(profile), device_token=device)
    return SignInResponse.model_construct(data=data)


def sign_in_anew(request: HttpRequest, user: User) -> SignInResponse:
    """Begin a new session after all of a user's have ended."""
    _ignore_tokens(request)
    mark_request_as_headless(request, Client.APP)
    user = User.objects.get(pk=user.pk)
    with authentication_context(request):
        get_adapter().login(request, user)
        tokens = app_settings.TOKEN_STRATEGY.create_access_token_payload(request)
    return _sign_in_response(request, Customer.objects.get(user=user), tokens)


def message_response(message: str) -> MessageResponse:
    return MessageResponse.model_validate({"data": {"message": message}})


def too_many_attempts() -> ApiError:
    return ApiError("too_many_requests", _("Too many attempts: try again in a few minutes."), retry_after=300)


def _email_taken(request: HttpRequest, email: str) -> ApiError:
    _send_password_reset(request, email)
    sentence = _("This e-mail is known already. If it is yours, follow the link that was just sent to it.")
    return ApiError("email_taken", sentence, field="email")


def _send_password_reset(request: HttpRequest, email: str) -> None:
    # The same few statements for every e-mail: the worker looks up whether it is known.
    if not ratelimit.consume(request, action="reset_password", key=accounts.stored_spelling(email)):
        raise too_many_attempts()
    outbox.write_password_reset(email)


def _invalid_signup(errors: dict[str, list[dict[str, str]]]) -> ApiError:
    field, first = next(iter(errors.items()))
    return ApiError(f"invalid_{field}", first[0]["message"], field=field)


def _invalid_reset(errors: list[dict[str, str]]) -> ApiError:
    if errors[0].get("param") == "password":
        return ApiError("invalid_password", errors[0]["message"], field="password")
    return _invalid_key()


def _invalid_key() -> ApiError:
    return ApiError("invalid_key", _("This link is spent, or too old."), field="key")
