"""Refusals on their way out: one table of statuses, one shape."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from ecommerce.api.validation_errors import refusal
from ecommerce.orders.errors import OrderError

STATUS = {
    "malformed": 400,
    "unauthorized": 401,
    "invalid_credentials": 401,
    "card_declined": 402,
    "authentication_required": 402,
    "permission_denied": 403,
    "not_found": 404,
    "unknown_order": 404,
    "unknown_customer": 404,
    "unknown_sku": 404,
    "unknown_address": 404,
    "unknown_source": 404,
    "method_not_allowed": 405,
    "out_of_stock": 409,
    "coupon_exhausted": 409,
    "idempotency_conflict": 409,
    "email_taken": 409,
    "length_required": 411,
    "too_large": 413,
    "too_many_requests": 429,
    "payments_unavailable": 503,
}
REST = 422
# What the acts call otherwise than the callers of the API do.
FIELDS = {"customer": "user_id"}


class ApiError(Exception):
    """A request that is not done; the code gives the status."""

    def __init__(self, code: str, message: str, *, field: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.retry_after = code, message, field, retry_after


def status_of(code: str) -> int:
    """Give the HTTP status of a refusal."""
    return STATUS.get(code, REST)


def refuse(code: str, message: str, *, field: str = "", retry_after: int | None = None) -> HttpResponse:
    """Answer with a refusal."""
    body: dict[str, Any] = {"error": {"code": code, "message": message, "field": field}}
    response = JsonResponse(body, status=status_of(code))
    if response.status_code == STATUS["unauthorized"]:
        response["WWW-Authenticate"] = "Bearer"
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def install(api: NinjaAPI) -> None:
    """Have everything that is refused answered in one shape."""
    api.add_exception_handler(ApiError, _refused)
    api.add_exception_handler(OrderError, _order_refused)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(HttpError, _http_error)


def _refused(request: HttpRequest, refused: Any) -> HttpResponse:
    return refuse(refused.code, refused.message, field=refused.field, retry_after=refused.retry_after)


def _order_refused(request: HttpRequest, refused: Any) -> HttpResponse:
    return refuse(refused.code, refused.message, field=FIELDS.get(refused.field, refused.field))


def _invalid(request: HttpRequest, error: Any) -> HttpResponse:
    code, message, field = refusal(error.errors[0])
    return refuse(code, message, field=field)


def _http_error(request: HttpRequest, error: Any) -> HttpResponse:
    match error.status_code:
        case 401:
            return refuse("unauthorized", _("Send the token of a sign-in, or a staff key, as Authorization: Bearer."))
        case 429:
            return refuse("too_many_requests", _("Too many requests: wait a minute."))
        case _:
            return refuse("malformed", _("The body is not JSON."))
