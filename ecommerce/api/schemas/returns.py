"""The returns of orders in responses."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, field_validator

from ecommerce.api.schemas.rows import FromRow, string_enum

ReturnStatus = Annotated[str, string_enum("requested", "approved", "received", "closed", "declined", "canceled")]


class ReturnedItem(FromRow):
    """Units of an item of the order in a return, and how many have arrived; `id` is the item's."""

    id: int = Field(alias="item_id")
    quantity: int
    received: int


class OrderReturn(FromRow):
    """A return of the order; `answer` is what the shop says to it."""

    number: str
    status: ReturnStatus
    is_withdrawal: bool
    answer: str
    requested: datetime = Field(alias="requested_at")
    items: list[ReturnedItem]

    @field_validator("items", mode="before")
    @classmethod
    def _rows(cls, value: Any) -> Any:
        return list(value.all()) if hasattr(value, "all") else value
