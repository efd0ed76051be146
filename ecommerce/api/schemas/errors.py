"""Errors in responses."""

from ninja import Schema

from ecommerce.api.schemas.orders import OrderData


class Error(Schema):
    """`code` is stable, `message` is for people, `field` names the field at fault (or is empty).

    `decline_code` is the bank's, `client_secret` is for Stripe.js, `total` is the new one of a price that has changed;
    each comes only with the errors that have one.
    """

    code: str
    message: str
    field: str
    decline_code: str | None = None
    client_secret: str | None = None
    total: int | None = None


class ErrorResponse(Schema):
    """An error. A payment that did not go through comes with its order, which is kept."""

    error: Error
    data: OrderData | None = None
