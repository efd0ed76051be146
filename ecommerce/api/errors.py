"""Errors of the API: the HTTP status of each code, and the one JSON shape of all of them."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from ecommerce.api.validation_errors import describe
from ecommerce.orders.errors import OrderError

STATUS_BY_CODE = {
    "malformed": 400,
    "unauthorized": 401,
    "invalid_credentials": 401,
    "card_declined": 402,
    "authentication_required": 402,
    "permission_denied": 403,
    "wrong_password": 403,
    "not_found": 404,
    "unknown_order": 404,
    "unknown_customer": 404,
    "unknown_sku": 404,
    "unknown_address": 404,
    "unknown_source": 404,
    "unknown_shipping_rate": 404,
    "unknown_parcel": 404,
    "method_not_allowed": 405,
    "out_of_stock": 409,
    "coupon_exhausted": 409,
    "idempotency_conflict": 409,
    "email_taken": 409,
    "account_busy": 409,
    "price_changed": 409,
    "refunded_meanwhile": 409,
    "already_withdrawn": 409,
    "length_required": 411,
    "too_large": 413,
    "too_many_requests": 429,
    "too_many_declines": 429,
    "internal_error": 500,
    "payments_unavailable": 503,
    "tax_unavailable": 503,
    "unavailable": 503,
}
DEFAULT_STATUS = 422
# Fields of the acts that have another name in the API.
API_FIELDS = {"customer": "user_id"}


class ApiError(Exception):
    """An error response; its status follows from the code."""

    def __init__(self, code: str, message: str, *, field: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.field, self.retry_after = code, message, field, retry_after


def status_of(code: str) -> int:
    return STATUS_BY_CODE.get(code, DEFAULT_STATUS)


def error_response(
    code: str, message: str, *, field: str = "", retry_after: int | None = None, total: int | None = None
) -> HttpResponse:
    """`retry_after` is in seconds, `total` in the currency's minor unit."""
    new_total = {} if total is None else {"total": total}
    body = {"error": {"code": code, "message": message, "field": field, **new_total}}
    response = JsonResponse(body, status=status_of(code))
    if response.status_code == STATUS_BY_CODE["unauthorized"]:
        response["WWW-Authenticate"] = "Bearer"
    if retry_after is not None:
        response["Retry-After"] = str(retry_after)
    return response


def add_exception_handlers(api: NinjaAPI) -> None:
    api.add_exception_handler(ApiError, _api_error)
    api.add_exception_handler(OrderError, _order_error)
    api.add_exception_handler(ValidationError, _validation_error)
    api.add_exception_handler(HttpError, _http_error)


def _api_error(request: HttpRequest, error: Any) -> HttpResponse:
    return error_response(error.code, error.message, field=error.field, retry_after=error.retry_after)


def _order_error(request: HttpRequest, error: Any) -> HttpResponse:
    field = API_FIELDS.get(error.field, error.field)
    return error_response(error.code, error.message, field=field, total=error.total, retry_after=error.retry_after)


def _validation_error(request: HttpRequest, error: Any) -> HttpResponse:
    code, message, field = describe(error.errors[0])
    return error_response(code, message, field=field)


def _http_error(request: HttpRequest, error: Any) -> HttpResponse:
    match error.status_code:
        case 401:
            sentence = _("Send the token of a sign-in, or a staff key, as Authorization: Bearer.")
            return error_response("unauthorized", sentence)
        case 429:
            return error_response("too_many_requests", _("Too many requests: wait a minute."))
        case _:
            return error_response("malformed", _("The body is not JSON."))
