"""Error responses in the shape of https://docs.stripe.com/api/errors."""

from dataclasses import dataclass, field
from typing import Any

JsonObject = dict[str, Any]


@dataclass(eq=False)
class ApiError(Exception):
    """`executed`: the endpoint's function had started, so the response is stored under its idempotency key."""

    message: str
    status: int = 400
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    details: JsonObject = field(default_factory=dict)
    executed: bool = True

    keeps_writes = False

    def __str__(self) -> str:
        return self.message

    def fields(self) -> JsonObject:
        fields = {"type": self.type, "code": self.code, "message": self.message, "param": self.param, **self.details}
        if self.code:
            fields["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        return {name: value for name, value in fields.items() if value is not None}

    def body(self, request_id: str) -> JsonObject:
        url = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": dict(sorted({**self.fields(), "request_log_url": url}.items()))}


class CardError(ApiError):
    """A declined card: the failed charge and the intent's last error are kept."""

    keeps_writes = True


def invalid_parameter(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """Validation failed before the endpoint's function started: nothing is stored under the idempotency key."""
    return ApiError(message, param=param, code=code, executed=False)


def missing_parameter(param: str) -> ApiError:
    return invalid_parameter(f"Missing required param: {param}.", param=param, code="parameter_missing")


def invalid_request(message: str, *, param: str | None = None, code: str | None = None, **details: Any) -> ApiError:
    """The request is well-formed, but the state of the objects forbids it."""
    return ApiError(message, param=param, code=code, details=details)


def resource_missing(noun: str, identifier: str, *, param: str, in_parameter: bool = False) -> ApiError:
    """404 for the id in the URL, 400 for one in a parameter."""
    status = 400 if in_parameter else 404
    return ApiError(f"No such {noun}: '{identifier}'", status=status, code="resource_missing", param=param)


def card_declined(message: str, *, code: str, param: str | None = None, **details: Any) -> CardError:
    return CardError(message, status=402, type="card_error", code=code, param=param, details=details)
