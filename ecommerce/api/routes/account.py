"""The signed-in customer's account: password, e-mail, and its end. Each asks for the password again."""

from typing import cast

from allauth.core import ratelimit
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from backoffice import database_clock
from customers import accounts
from customers.change_email import EmailError, change_email
from customers.emails import same_email
from customers.models import User
from ecommerce.api.errors import ApiError
from ecommerce.api.responses import responses_for
from ecommerce.api.routes.auth import message_response, sign_in_anew, too_many_attempts
from ecommerce.api.schemas.customers import MessageResponse, SignInResponse
from ecommerce.api.schemas.requests import ChangeEmailRequest, ChangePasswordRequest, DeleteAccountRequest
from ecommerce.api.security import CustomerTokenAuth, authenticated_customer, customer_actor
from ecommerce.api.throttling import PerCaller
from ecommerce.erasure.request import CanNotErase, request_erasure
from ecommerce.tasks import enqueue_erasure

router = Router(tags=["Customer"], auth=CustomerTokenAuth(), throttle=PerCaller())


@router.post("/password", response=responses_for(SignInResponse, 403, 422, signed_in=True))
def change_password(request: HttpRequest, body: ChangePasswordRequest) -> SignInResponse:
    """Change the password. All sessions end, this one too: the response has the tokens of a new one."""
    user = _reauthenticate(request, body.current_password)
    try:
        accounts.change_password(user, body.new_password)
    except ValidationError as error:
        raise ApiError("invalid_password", " ".join(error.messages), field="new_password") from error
    return sign_in_anew(request, user)


@router.post("/email", response=responses_for(SignInResponse, 403, 409, 422, signed_in=True))
def change_own_email(request: HttpRequest, body: ChangeEmailRequest) -> SignInResponse:
    """Change the e-mail. Both mailboxes are told; all sessions end, and the response has the tokens of a new one.

    Until the link in the new mailbox is followed, the account shows only what it makes from now on.
    """
    user, customer = _reauthenticate(request, body.current_password), authenticated_customer(request)
    if accounts.is_email_in_use(body.email) and not same_email(body.email, customer.email):
        raise _email_taken()
    try:
        change_email(customer=customer, email=body.email, by=customer_actor(customer), at=database_clock.now())
    except EmailError as error:
        # In the very moment another was given it: whose it is, is nobody's business here.
        if accounts.is_email_in_use(body.email):
            raise _email_taken() from error
        raise ApiError("invalid_email", str(error), field="email") from error
    return sign_in_anew(request, user)


@router.post("/delete", response=responses_for(MessageResponse, 403, 409, signed_in=True))
def delete_account(request: HttpRequest, body: DeleteAccountRequest) -> MessageResponse:
    """Remove the account and erase the customer. It can't be undone, and ends all sessions at once.

    Orders and invoices stay with amounts, dates and the country. While a payment or refund is on its way, the answer
    is `account_busy`, and says what must end first.
    """
    _reauthenticate(request, body.current_password)
    customer = authenticated_customer(request)
    try:
        erasure = request_erasure(customer=customer, by=customer_actor(customer), at=database_clock.now())
    except CanNotErase as error:
        sentence = _("The account can't be removed yet. %(why)s") % {"why": error}
        raise ApiError("account_busy", sentence) from error
    enqueue_erasure(erasure)
    return message_response(_("The account is removed. What is stored about you is erased within minutes."))


def _reauthenticate(request: HttpRequest, password: str) -> User:
    """Check the password once more: a token may be somebody else's who found the browser open."""
    user = cast(User, request.user)
    if not ratelimit.consume(request, action="reauthenticate", user=user):
        raise too_many_attempts()
    if not user.check_password(password):
        raise ApiError("wrong_password", _("This is not your password."), field="current_password")
    return user


def _email_taken() -> ApiError:
    return ApiError("email_taken", _("This e-mail is in use already: choose another one."), field="email")
