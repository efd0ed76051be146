"""What Stripe Tax is asked, and what it answers. Amounts are in the currency's minor unit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from billing.gateway_types import GatewayError


class TaxNotCalculated(GatewayError):
    """No tax could be calculated: nothing was ordered, charged or kept. The message is a sentence for users.

    `why` is "address" (Stripe can't tell where to tax it, until it is corrected), "tax_id" (its form is wrong),
    "refused" (anything else that Stripe does not take) or "away" (no usable answer: worth trying again).
    """

    def __init__(self, message: str, *, code: str = "", why: Literal["address", "tax_id", "refused", "away"]) -> None:
        super().__init__(message, code=code)
        self.why = why


# The question


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxAddress:
    """Where goods go, or come from. `state` is a code without its country: NY."""

    country: str
    state: str = ""
    postal_code: str = ""
    city: str = ""
    line1: str = ""
    line2: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxableLine:
    """A line after all discounts. `reference` names it within its sale, now and whenever it is refunded."""

    reference: str
    amount: int
    quantity: int = 1
    tax_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxId:
    """A tax id of the customer, with Stripe's name of its kind (`tax_codes.stripe_tax_id`)."""

    type: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRequest:
    """What a calculation is asked: `included` if the amounts include the tax; `shipping` is None where nothing ships.

    `ship_to` is the customer's home for what is not shipped; then `address_source` is "billing".
    """

    currency: str
    included: bool
    lines: tuple[TaxableLine, ...]
    ship_to: TaxAddress
    address_source: Literal["shipping", "billing"] = "shipping"
    shipping: int | None = None
    shipping_tax_code: str = ""
    ship_from: TaxAddress | None = None
    tax_id: TaxId | None = None
    exempt: bool = False
    tax_date: datetime | None = None


# The answer


@dataclass(frozen=True, slots=True, kw_only=True)
class CalculatedTax:
    """What one jurisdiction takes of one line: `percent` of `taxable`, rounded by Stripe to `amount`.

    `reason` is Stripe's taxability reason (standard_rated, reverse_charge, not_collecting…). `state` and `name` are ""
    where Stripe names none: what is not taxed at all has no rate.
    """

    country: str
    state: str
    level: str
    jurisdiction: str
    name: str
    tax_type: str
    percent: Decimal
    reason: str
    taxable: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalculatedPart:
    """A line, or with the reference "" the shipping: its amount as it was sent, and its tax, the sum of `taxes`."""

    reference: str
    amount: int
    tax: int
    taxes: tuple[CalculatedTax, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxCalculation:
    """An answer, checked to add up: `tax` is that of all lines and the shipping, `total` what the customer pays.

    `lines` are in the order of the request. Of its `id` one sale is recorded, until `expires_at`.
    """

    id: str
    currency: str
    included: bool
    lines: tuple[CalculatedPart, ...]
    shipping: CalculatedPart | None
    tax: int
    total: int
    expires_at: datetime


# What is recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionPart:
    """A line or the shipping of a tax transaction; amounts of a reversal are below zero."""

    id: str
    reference: str
    amount: int
    tax: int
    included: bool

    @property
    def gross(self) -> int:
        """The amount with its tax."""
        return self.amount if self.included else self.amount + self.tax


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeTaxTransaction:
    """A tax transaction at Stripe; `type` is transaction or reversal, `original_id` what a reversal takes back."""

    id: str
    type: str
    reference: str
    currency: str
    created: int
    lines: tuple[TransactionPart, ...]
    shipping: TransactionPart | None
    original_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[TransactionPart, ...]:
        """The lines and the shipping."""
        return (*self.lines, *([self.shipping] if self.shipping else []))

    @property
    def gross(self) -> int:
        """All amounts with their tax."""
        return sum(part.gross for part in self.parts)

    @property
    def tax(self) -> int:
        """The tax of all parts."""
        return sum(part.tax for part in self.parts)
