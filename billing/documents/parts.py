"""What documents of invoices and of credit notes have in common."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from django.db.models import Model
from django.utils.translation import gettext as _

from billing import money
from billing.documents.document import REASON_CODES, DocumentTax, LineTax, Party, SellerCurrencyTax
from billing.models import Invoice, InvoiceTax, SellerVersion
from billing.models.seller import DETAILS
from billing.sums import tax_label
from billing.tax_report import shop_zone

RowT = TypeVar("RowT", bound=Model)
SELLER_FIELDS = tuple(name for name in DETAILS if name != "footer")


def shared(invoice: Invoice) -> dict[str, Any]:
    """Return what an invoice and its credit notes say alike."""
    return {
        "order_number": invoice.reference,
        "currency": invoice.currency,
        "prices_include_tax": invoice.prices_include_tax,
        "buyer": address_party(invoice.bill_to),
        "ship_to": address_party(invoice.ship_to) if invoice.ship_to else None,
        "is_test": invoice.is_test,
    }


def by_key(rows: Iterable[RowT]) -> list[RowT]:
    """Return rows in the order in which they were written, whether they were prefetched or not."""
    return sorted(rows, key=lambda row: row.pk)


def day_of(moment: datetime) -> date:
    """Return the day in the shop's time zone."""
    return moment.astimezone(shop_zone()).date()


# Parties


def seller_party(version: SellerVersion | None) -> Party:
    """Return the seller as frozen; where nobody has filled that in, a shop without an address."""
    if version is None:
        return Party(name=_("Test shop"))
    return Party(**{name: version.details.get(name, "") for name in SELLER_FIELDS})


def footer_of(version: SellerVersion | None) -> str:
    """Return the text at the end of documents."""
    return str(version.details.get("footer", "")) if version else ""


def address_party(address: Mapping[str, Any]) -> Party:
    """Return a customer, or a recipient, of a frozen address; a company is named first."""
    known = ("department", "line1", "line2", "city", "state", "postal_code", "country", "tax_id", "email", "phone")
    fields = {name: str(address.get(name) or "") for name in known}
    person, company = str(address.get("name") or ""), str(address.get("company") or "")
    return Party(name=company or person, contact=person if company and person != company else "", **fields)


def line_tax(tax: InvoiceTax, taxable: int, amount: int) -> LineTax:
    """Return a tax of a line or of the shipping, of this much of it."""
    return LineTax(
        category=tax.category,
        rate=tax.rate,
        taxable=taxable,
        amount=amount,
        reason=tax.reason,
        label=tax_label(tax),
    )


def tax_total(tax: LineTax) -> DocumentTax:
    """Return a tax of a line as one of the document, to be added up."""
    return DocumentTax(
        label=tax.label,
        category=tax.category,
        rate=tax.rate,
        taxable=tax.taxable,
        amount=tax.amount,
        reason=tax.reason,
        reason_code=REASON_CODES.get(tax.category, ""),
    )


def in_seller_currency(invoice: Invoice, tax: int) -> SellerCurrencyTax | None:
    """Return the tax by the rate that was frozen on the invoice, for its credit notes as well; None without one."""
    if invoice.exchange_rate is None or not tax:
        return None
    return SellerCurrencyTax(
        currency=invoice.seller_currency,
        amount=converted(tax, invoice.currency, invoice.seller_currency, invoice.exchange_rate),
        rate=invoice.exchange_rate,
        source=invoice.exchange_rate_source,
    )


def converted(amount: int, currency: str, to_currency: str, rate: Decimal) -> int:
    """Return an amount in another currency's minor unit, rounded half away from zero to its step."""
    exponents = money.currency(to_currency).exponent - money.currency(currency).exponent
    return money.round_to_step(Fraction(amount) * Fraction(rate) * Fraction(10) ** exponents, to_currency)
