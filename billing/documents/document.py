"""What an invoice or a credit note says, whatever form it is written in. No ORM, no clock, no floats.

Amounts are integers in the currency's minor unit; rates are in percent; categories are those of EN 16931.
"""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from customers.postal_addresses import address_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """The seller, the buyer, or whom the goods are sent to; `country` is an ISO 3166-1 code of two letters.

    `name` is the company's where there is one, with `contact` for the person. `tax_id` is the VAT identification number
    with its prefix, `tax_number` that of the seller's tax office. `registration` and `bank` are lines to read.
    """

    name: str
    contact: str = ""
    department: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    postal_code: str = ""
    country: str = ""
    tax_id: str = ""
    tax_number: str = ""
    email: str = ""
    phone: str = ""
    registration: str = ""
    bank: str = ""

    @property
    def address(self) -> list[str]:
        """The lines below the name, as the country writes them."""
        fields = ("department", "line1", "line2", "city", "state", "postal_code", "country")
        lines = address_lines({field: getattr(self, field) for field in fields})
        return [self.contact, *lines] if self.contact else lines


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTax:
    """One tax on one line, or on the shipping. `reason` says why the rate is 0."""

    category: str
    rate: Decimal
    taxable: int
    amount: int
    reason: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLine:
    """A line; `unit_price`, `amount` (before `discount`) and `discount` include taxes where the document's prices do.

    `net` is after the discount and without taxes, `tax` all of its taxes. On a credit note a line says what goes back:
    `quantity` is 0 where that is an amount and no units, and `unit_price` is 0. A fee that is kept has the quantity -1,
    and `amount`, `net` and `tax` below zero.
    """

    position: int
    code: str
    description: str
    quantity: int
    unit_price: int
    amount: int
    discount: int
    net: int
    tax: int
    taxes: tuple[LineTax, ...]

    @property
    def total(self) -> int:
        """The price after discount with its taxes."""
        return self.net + self.tax

    @property
    def is_fee(self) -> bool:
        """Whether it is kept of what goes back."""
        return self.quantity < 0

    @property
    def tax_label(self) -> str:
        """Its taxes in short: VAT 19 %."""
        return ", ".join(tax.label for tax in self.taxes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippingCharge:
    """The shipping; `amount` includes taxes where the document's prices do. Several taxes may share it."""

    name: str
    amount: int
    net: int
    tax: int
    taxes: tuple[LineTax, ...]

    @property
    def total(self) -> int:
        """The price with its taxes."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentTax:
    """One tax over all that it is charged on. `reason_code` is of the list VATEX, where that has one for the reason."""

    label: str
    category: str
    rate: Decimal
    taxable: int
    amount: int
    reason: str = ""
    reason_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerCurrencyTax:
    """All tax in the currency of the seller's books; `rate` is what one unit of the document's currency is worth."""

    currency: str
    amount: int
    rate: Decimal
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceDocument:
    """An invoice, or a credit note, whose amounts say what goes back.

    `net` is all without taxes, after discounts, with the shipping; `total` is `net` and `tax`, and `paid` what was
    collected. `discount` includes `manual_discount`, whose reason is `reason`. `delivered_on` is the day whose rates
    apply. `corrects_number` and `corrects_issued_on` are those of the invoice that a credit note corrects.
    """

    kind: Literal["invoice", "credit_note"]
    number: str
    issued_on: date
    delivered_on: date
    order_number: str
    currency: str
    prices_include_tax: bool
    seller: Party
    buyer: Party
    ship_to: Party | None
    lines: tuple[DocumentLine, ...]
    shipping: ShippingCharge | None
    subtotal: int
    discount: int
    manual_discount: int
    net: int
    tax: int
    total: int
    paid: int
    taxes: tuple[DocumentTax, ...]
    seller_currency_tax: SellerCurrencyTax | None = None
    coupon_code: str = ""
    reason: str = ""
    corrects_number: str = ""
    corrects_issued_on: date | None = None
    is_test: bool = False
    footer: str = ""

    @property
    def reasons(self) -> list[str]:
        """Why rates are 0, each once: what the law wants said on the document."""
        return list(dict.fromkeys(tax.reason for tax in self.taxes if tax.reason))


REASON_CODES = {"AE": "VATEX-EU-AE", "G": "VATEX-EU-G", "K": "VATEX-EU-IC", "O": "VATEX-EU-O"}
"""The codes of the reasons of whole categories; what is exempt (E) says its reason in words."""


def summed(taxes: list[DocumentTax]) -> tuple[DocumentTax, ...]:
    """Add up taxes of the same label, category, rate and reason, in the order in which they first come."""
    totals: dict[tuple[object, ...], DocumentTax] = {}
    for tax in taxes:
        key = (tax.label, tax.category, tax.rate, tax.reason)
        known = totals.get(key)
        if known:
            tax = replace(known, taxable=known.taxable + tax.taxable, amount=known.amount + tax.amount)  # noqa: PLW2901
        totals[key] = tax
    return tuple(totals.values())
