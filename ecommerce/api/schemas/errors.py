"""Why something was refused."""

from typing import Any

from pydantic import BaseModel

from ecommerce.api.schemas.orders import OrderData


class Error(BaseModel):
    """Why not: `code` is stable, `message` is for people, `field` names what it is about (or is empty).

    `decline_code` is the bank's, `client_secret` is for Stripe.js; each comes only with the errors that have one.
    """

    code: str
    message: str
    field: str
    decline_code: str | None = None
    client_secret: str | None = None


class ErrorResponse(BaseModel):
    """Why not. A payment that did not go through comes with its order, which is kept."""

    error: Error
    data: OrderData | None = None


def plainly(model: BaseModel) -> dict[str, Any]:
    """Give an answer as JSON takes it, without what it does not have."""
    return model.model_dump(mode="json", exclude_none=True)
