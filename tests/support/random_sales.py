"""Paid orders of every kind that EN 16931 tells apart, and their refunds: of random figures, the same for each seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any
from uuid import uuid4

from billing import money
from billing.invoices import issue_credit_note
from billing.models import CreditNote, Invoice, Refund, RefundFee, SellerVersion
from customers.models import Customer
from ecommerce.models import Order, TaxRate
from ecommerce.orders.allocations import allocate, read_cells
from ecommerce.pricing.errors import PricingError
from ecommerce.pricing.order import Discount, Line, Shipping
from ecommerce.pricing.refunds import (
    OrderCells,
    nothing,
    refund_of_amount,
    refund_of_items,
    refund_of_rest,
    refund_of_shipping,
)
from ecommerce.taxes.supply import Buyer, Supply, shipping_taxes, taxes_of
from ecommerce.taxes.territories import Place
from tests.support.rows import ANA
from tests.support.taxed import a_taxed_order

SELLER = {
    "name": "Beispiel GmbH",
    "line1": "Invalidenstraße 1",
    "city": "Berlin",
    "postal_code": "10115",
    "country": "DE",
    "tax_id": "DE136695976",
    "tax_number": "27/123/45678",
    "email": "billing@shop.example",
    "phone": "+49 30 1234567",
    "registration": "Amtsgericht Berlin, HRB 12345",
    "footer": "Thank you.",
}
# The dinar has three decimals, the yen none; the króna's two must be 00, the dinar's last one 0.
CURRENCIES = ("eur", "eur", "eur", "usd", "huf", "jpy", "krw", "kwd", "isk")
WORTH = {"usd": "0.9", "huf": "0.0025", "jpy": "0.0061", "krw": "0.0006", "kwd": "2.8", "isk": "0.0067"}
SOLD = ("standard", "standard", "standard", "reduced", "zero", "exempt", "digital")


def _rate(country: str, percent: str, tax_category: str = "standard", category: str = "S", reason: str = "") -> TaxRate:
    return TaxRate(
        country=country,
        name="VAT",
        percent=Decimal(percent),
        tax_category=tax_category,
        category=category,
        reason=reason,
    )


RATES = [
    _rate("DE", "19"),
    _rate("DE", "7", "reduced"),
    _rate("DE", "0", "zero"),
    _rate("DE", "0", "exempt", "E", "Exempt under § 4 UStG."),
    _rate("FR", "20"),
    _rate("FR", "5.5", "reduced"),
    _rate("FI", "25.5"),
]


@dataclass(frozen=True, slots=True)
class Shop:
    country: str = "DE"
    tax_id: str = "DE136695976"
    small_business: bool = False
    small_business_reason: str = "No VAT is charged: § 19 UStG."


@dataclass(frozen=True, slots=True)
class Party:
    """A customer: where they live, with the tax id and the reason of an exemption if they have one."""

    country: str
    city: str = "Somewhere"
    tax_id: str = ""
    exempt: str = ""
    company: str = ""

    def address(self) -> dict[str, str]:
        known = {"name": "Ada Λόβελεϊς", "line1": "1 Main Street", "city": self.city, "postal_code": "12345"}
        return {**known, "country": self.country, "company": self.company}


PARTIES = (
    *(Party(country) for country in ("DE", "DE", "FR", "FI", "IT", "US", "CH", "JP")),
    Party("FR", tax_id="FR40303265045", company="Société SA"),
    Party("AT", tax_id="ATU13585627", company="Muster GmbH"),
    Party("GR", tax_id="EL094259216", company="Παράδειγμα ΑΕ"),
    Party("DE", tax_id="DE811569869"),
    Party("DE", exempt="Exempt: embassy, § 4 Nr. 7 UStG."),
)


def sales(count: int, *, seed: int, customer: Customer, at: datetime) -> Iterator[Invoice]:
    """Write invoices of random orders, with up to three refunds each."""
    seller = SellerVersion.objects.create(details=SELLER)
    for number in range(count):
        yield _Sale(Random(f"{seed}-{number}"), customer, seller, at).write()


def documents_of(invoice: Invoice) -> list[Invoice | CreditNote]:
    return [invoice, *invoice.credit_notes.select_related("invoice", "refund").order_by("pk")]


class _Sale:
    def __init__(self, random: Random, customer: Customer, seller: SellerVersion, at: datetime) -> None:
        self.random, self.customer, self.seller, self.at = random, customer, seller, at
        self.currency = random.choice(CURRENCIES)
        self.step = money.currency(self.currency).step
        self.party = random.choice(PARTIES)
        self.shop = Shop(small_business=random.random() < 0.1)
        # Goods for others go elsewhere.
        self.ship_to = random.choice((self.party, self.party, random.choice(PARTIES)))

    def write(self) -> Invoice:
        order = self._order()
        invoice = order.invoice
        assert invoice
        self._freeze(invoice)
        for _ in range(self.random.randint(0, 3) if invoice.total else 0):
            self._refund(order, invoice)
        return Invoice.objects.select_related("seller").get(pk=invoice.pk)

    def _order(self) -> Order:
        while True:
            try:
                return self._priced()
            except PricingError:  # less than is ever charged
                continue

    def _priced(self) -> Order:
        random = self.random
        lines = [self._line() for _ in range(random.choice((1, 1, 2, 3, 5, 12)))]
        by_hand = (None, None, Discount(percent_off=Decimal(15)), Discount(percent_off=Decimal(100)))
        own = shipping_taxes(buyer=self._buyer(), shop=self.shop, rates=RATES, at=self.at)
        shipping = Shipping(
            price=random.choice((0, 490, 1295)) * self.step,
            taxes=own,
            rule=random.choice(("own", "highest", "share")),
        )
        return a_taxed_order(
            self.customer,
            lines,
            at=self.at,
            discount=random.choice(by_hand),
            shipping=shipping,
            currency=self.currency,
            included=random.random() < 0.5,
            shipping_name="Parcel" if shipping.price else "",
        )

    def _buyer(self) -> Buyer:
        return Buyer(
            tax_id=self.party.tax_id,
            exempt_reason=self.party.exempt,
            ship_to=Place(country=self.ship_to.country),
            home=Place(country=self.party.country),
        )

    def _line(self) -> Line:
        random = self.random
        category = random.choice(SOLD)
        supply = Supply(tax_category=category, shipped=category != "digital")
        taxes = taxes_of(supply, buyer=self._buyer(), shop=self.shop, rates=RATES, at=self.at)
        price, quantity = random.choice((0, 1, 999, 1999, random.randint(1, 30_000))), random.randint(1, 12)
        off = random.choice((0, 0, 0, price * quantity // 3, price * quantity))
        return Line(unit_price=price * self.step, quantity=quantity, discount=off * self.step, taxes=taxes)

    def _freeze(self, invoice: Invoice) -> None:
        bill_to = self.party.address() | {"email": self.customer.email, "tax_id": self.party.tax_id}
        frozen: dict[str, Any] = {"bill_to": bill_to, "ship_to": self.ship_to.address(), "seller": self.seller}
        if self.currency != "eur":
            frozen |= {"seller_currency": "eur", "exchange_rate": Decimal(WORTH[self.currency])}
            frozen |= {"exchange_rate_source": "European Central Bank"}
        for name, value in frozen.items():
            setattr(invoice, name, value)
        invoice.save(update_fields=list(frozen))

    def _refund(self, order: Order, invoice: Invoice) -> None:
        cells = read_cells(invoice)
        back = self._back(cells.left)
        if not back.total:
            return
        fees = self._fees(back, cells.taxes)
        kept = sum(fee.amount for fee in fees)
        refund = Refund.objects.create(
            payment=invoice.payments.get(), amount=back.total - kept, fees=kept, currency=self.currency,
            requested_at=self.at, closed_at=self.at, status="succeeded", next_attempt_at=None,
            stripe_refund_id=f"re_{uuid4()}", **ANA,
        )  # fmt: skip
        for fee in fees:
            fee.refund = refund
        RefundFee.objects.bulk_create(fees)
        allocate(refund, back, cells)
        issue_credit_note(invoice=invoice, refund=refund, at=self.at)

    def _back(self, left: OrderCells) -> OrderCells:
        random = self.random
        units = {place: item.units for place, item in enumerate(left.items) if item.units}
        kind = random.choice(("items", "items", "amount", "amount", "shipping", "rest"))
        if kind == "items" and units:
            some = random.sample(sorted(units), random.randint(1, len(units)))
            return refund_of_items(
                left, {place: random.randint(1, units[place]) for place in some}, currency=self.currency
            )
        if kind == "amount" and left.total:
            amount = random.randint(1, left.total // self.step) * self.step
            return refund_of_amount(left, amount, currency=self.currency)
        if kind == "shipping" and left.shipping.total:
            return refund_of_shipping(left)
        return (
            refund_of_rest(left)
            if kind == "rest" and left.total
            else OrderCells(items=(), shipping=nothing(left.shipping))
        )

    def _fees(self, back: OrderCells, taxes: dict[int | None, list[Any]]) -> list[RefundFee]:
        if self.random.random() < 0.7 or back.total < 4 * self.step:
            return []
        listed = [tax for of_line in taxes.values() for tax in of_line]
        tax = self.random.choice([None, *listed[:1]])
        fee = RefundFee(name="Restocking", amount=max(back.total // self.step // 4, 1) * self.step)
        if tax:
            fee.invoice_tax, fee.rate, fee.category = tax, tax.rate, tax.category
            fee.tax = money.round_to_step(fee.amount * Fraction(tax.rate) / (100 + Fraction(tax.rate)), self.currency)
        return [fee]
