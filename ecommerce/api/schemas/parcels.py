"""The parcels of orders in responses."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, model_validator

from ecommerce import models
from ecommerce.api.schemas.rows import FromRow
from ecommerce.shipping.carriers import tracking_url


class Fulfillment(FromRow):
    """How an order was sent: its first parcel. `fulfillments` has all of them."""

    carrier: str
    tracking_number: str
    at: datetime


class Tracking(BaseModel):
    """A number of a parcel; `url` is empty where the carrier is not known."""

    number: str
    url: str


class ParcelItem(FromRow):
    """How many units of an item, by its id in the order's `items`, are in the parcel."""

    id: int = Field(validation_alias="item_id")
    quantity: int


class Parcel(BaseModel):
    """A parcel that was sent. One that the carrier split has several numbers, all of which are in `tracking`."""

    id: int
    carrier: str
    tracking_number: str
    tracking_url: str
    tracking: list[Tracking]
    items: list[ParcelItem]
    created: datetime
    delivered: datetime | None

    @model_validator(mode="before")
    @classmethod
    def _read_row(cls, value: Any) -> Any:
        return _columns(value) if isinstance(value, models.Fulfillment) else value


def _columns(parcel: models.Fulfillment) -> dict[str, Any]:
    tracking = [{"number": each, "url": tracking_url(parcel.carrier, each)} for each in parcel.tracking_numbers]
    return {
        "id": parcel.pk,
        "carrier": parcel.carrier,
        "tracking_number": parcel.tracking_number,
        "tracking_url": tracking_url(parcel.carrier, parcel.tracking_number),
        "tracking": tracking,
        "items": [{"item_id": each.item_id, "quantity": each.quantity} for each in parcel.items.all()],
        "created": parcel.at,
        "delivered": parcel.delivered_at,
    }
