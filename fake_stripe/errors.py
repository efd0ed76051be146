"""What the sandbox answers when it refuses, in the shape of https://docs.stripe.com/api/errors."""

from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


@dataclass(eq=False)
class ApiError(Exception):
    """A refusal. `executed`: the endpoint had begun, so the answer is kept under its idempotency key."""

    message: str
    status: int = 400
    type: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    details: Object = field(default_factory=dict)
    executed: bool = True

    commits = False

    def __str__(self) -> str:
        return self.message

    def body(self, request_id: str) -> Object:
        """Give the answer's body."""
        error: Object = {"type": self.type, "message": self.message, **self.details}
        if self.code:
            error |= {
                "code": self.code,
                "doc_url": f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}",
            }
        if self.param:
            error["param"] = self.param
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": dict(sorted(error.items()))}


class CardError(ApiError):
    """A declined card: what was written on the way (the failed charge, the intent's last error) stays."""

    commits = True


def malformed(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """Say that the parameters failed validation: no endpoint began, nothing is kept under the key."""
    return ApiError(message, param=param, code=code, executed=False)


def refused(message: str, *, param: str | None = None, code: str | None = None, **details: Any) -> ApiError:
    """Say that a well-formed request can't be done now."""
    return ApiError(message, param=param, code=code, details=details)


def missing(noun: str, identifier: str, *, param: str, named: bool = False) -> ApiError:
    """Say that there is no such object: 404 for the address's own, 400 for one that a parameter names."""
    status = 400 if named else 404
    return ApiError(f"No such {noun}: '{identifier}'", status=status, code="resource_missing", param=param)


def declined(message: str, *, code: str, param: str | None = None, **details: Any) -> CardError:
    """Say that the bank (or a check of the card) said no."""
    return CardError(message, status=402, type="card_error", code=code, param=param, details=details)
