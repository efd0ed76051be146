"""Bodies and responses of what customers ask for after they have paid."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ecommerce.api.schemas.order_requests import ItemQuantity
from ecommerce.api.schemas.orders import OrderData
from ecommerce.api.schemas.requests import BaseRequest, Email
from ecommerce.api.schemas.rows import string_enum
from ecommerce.pricing.order import MAX_LINES

Reason = Annotated[str, Field(min_length=1, max_length=200, description="One of `reasons`, or other words.")]
Note = Annotated[str, Field(max_length=1000, description="More words, for staff.")]
Items = Annotated[list[ItemQuantity], Field(min_length=1, max_length=MAX_LINES)]


class AskToCancelRequest(BaseRequest):
    reason: Reason
    note: Note = ""


class AskForReturnRequest(AskToCancelRequest):
    items: Items

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return [(item.id, item.quantity) for item in self.items]


class WithdrawRequest(BaseRequest):
    """`items` are those to withdraw from, null for all. Without `confirm`, nothing happens: it answers what would.

    Without a token, `email` is the one that the order was placed with.
    """

    items: Items | None = None
    confirm: bool = False
    email: Email | None = None

    @property
    def pairs(self) -> Sequence[tuple[int, int]] | None:
        return None if self.items is None else [(item.id, item.quantity) for item in self.items]


class WithdrawnItem(BaseModel):
    """`means` is how its money comes back: it was not sent (`cancel`), it has to come back, or it can't (`refund`)."""

    id: int
    name: str
    quantity: int
    means: Annotated[str, string_enum("cancel", "return", "refund")]


class BarredItem(BaseModel):
    """What the law knows no withdrawal from, and why."""

    id: int
    name: str
    why: str


class Withdrawal(BaseModel):
    """A withdrawal from the contract, or what one would do. `received_at` is when it was received; null before that.

    `open_until` is the end of the time to withdraw; null while it is not known: it is open. `message` is the
    acknowledgement, which goes out by mail as well; `refund_by` is until when the money goes back.
    """

    object: Literal["withdrawal"] = "withdrawal"
    order: str
    confirmed: bool
    received_at: datetime | None
    open_until: datetime | None
    refund_by: datetime | None
    items: list[WithdrawnItem]
    excluded: list[BarredItem]
    return_number: str | None
    message: str


class WithdrawalData(BaseModel):
    withdrawal: Withdrawal


class WithdrawalResponse(BaseModel):
    data: WithdrawalData


class AskedData(OrderData):
    """`canceled` is whether the order was canceled at once; else staff decide, and answer by mail."""

    canceled: bool
    message: str


class AskedResponse(BaseModel):
    data: AskedData


class ReasonsResponse(BaseModel):
    """The reasons to choose from, in their order, under `return` and `cancel`."""

    data: dict[Literal["return", "cancel"], list[str]]
