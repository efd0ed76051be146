"""The PDF of a document: PDF/A-3, with the XML of it attached where there is one."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from backoffice.pdf import Attachment, compile_pdf
from billing.documents.document import DocumentLine, InvoiceDocument, Party
from billing.documents.rows import rows_back, sums_of
from billing.money import format_money
from billing.sums import GivenBack, SumRow


def pdf_of(
    document: InvoiceDocument, *, created_at: datetime, logo: bytes = b"", attachments: Iterable[Attachment] = ()
) -> bytes:
    """Return the PDF; the same document and logo give the same bytes. Raise backoffice.pdf.PdfError."""
    return compile_pdf(
        "invoice.typ",
        _shown(document) | {"logo": bool(logo)},
        created_at=created_at,
        standard="a-3b",
        attachments=attachments,
        images={"logo": logo} if logo else None,
    )


def _shown(document: InvoiceDocument) -> dict[str, Any]:
    is_note = document.kind == "credit_note"
    heading = _("Credit note") if is_note else _("Invoice")
    return {
        "language": (get_language() or "en").partition("-")[0],
        "title": f"{heading} {document.number}",
        "heading": heading,
        "number": document.number,
        "test": _("Test shop: nothing was sold.") if document.is_test else "",
        "seller": {"name": document.seller.name, "address": _on_one_line(document.seller)},
        "buyer": {"label": _("Bill to"), "lines": [document.buyer.name, *document.buyer.address]},
        "ship_to": _ship_to(document),
        "facts": [{"label": label, "value": value} for label, value in _facts(document) if value],
        "table": _rows_back(document) if is_note else _lines(document),
        "sums": [_sum(row, document.currency) for row in sums_of(document)] + _settled(document),
        "notes": list(_notes(document)),
        "imprint": [list(filter(None, column)) for column in _imprint(document.seller)],
        "page": _("Page"),
    }


def _on_one_line(party: Party) -> str:
    return " · ".join([party.name, *party.address]) if party.line1 else ""


def _ship_to(document: InvoiceDocument) -> dict[str, Any] | None:
    to, buyer = document.ship_to, document.buyer
    if to is None or not (to.line1 or to.country):
        return None
    if (to.name, to.contact, to.address) == (buyer.name, buyer.contact, buyer.address):
        return None
    return {"label": _("Ship to"), "lines": [to.name, *to.address]}


def _facts(document: InvoiceDocument) -> Iterator[tuple[str, str]]:
    yield _("Date"), _day(document.issued_on)
    if document.corrects_issued_on:
        values = {"number": document.corrects_number, "day": _day(document.corrects_issued_on)}
        yield _("Corrects invoice"), _("%(number)s of %(day)s") % values
    else:
        yield _("Date of supply"), _day(document.delivered_on)
    yield _("Order"), document.order_number
    yield _("Your VAT number"), document.buyer.tax_id
    yield _("Our VAT number"), document.seller.tax_id


def _day(day: date) -> str:
    return date_format(day)


def _lines(document: InvoiceDocument) -> dict[str, Any]:
    discounted = any(line.discount for line in document.lines)
    labels = {
        "description": _("Description"),
        "quantity": _("Quantity"),
        "price": _("Unit price"),
        **({"discount": _("Discount")} if discounted else {}),
        **({"tax": _("Tax")} if document.taxes else {}),
        "amount": _("Amount"),
    }
    return {"labels": labels, "rows": [_line(line, labels, document.currency) for line in document.lines]}


def _line(line: DocumentLine, labels: dict[str, str], currency: str) -> dict[str, str]:
    cells = {
        "description": line.description,
        "code": line.code,
        "quantity": f"{line.quantity:,}",
        "price": format_money(line.unit_price, currency),
        "discount": format_money(-line.discount, currency) if line.discount else "",
        "tax": line.tax_label,
        "amount": format_money(line.amount, currency),
    }
    return {name: text for name, text in cells.items() if name in labels or name == "code"}


def _rows_back(document: InvoiceDocument) -> dict[str, Any]:
    taxed = {"net": _("Without tax"), "tax": _("Tax")} if document.taxes else {}
    labels = {"description": _("Description"), "quantity": _("Quantity"), **taxed, "amount": _("Amount")}
    return {"labels": labels, "rows": [_row_back(row, labels, document.currency) for row in rows_back(document)]}


def _row_back(row: GivenBack, labels: dict[str, str], currency: str) -> dict[str, str]:
    cells = {
        "description": row.label,
        "quantity": f"{row.quantity:,}" if row.quantity else "–",
        "net": format_money(row.net, currency),
        "tax": format_money(row.tax, currency),
        "amount": format_money(row.total, currency),
    }
    return {name: text for name, text in cells.items() if name in labels} | {"code": ""}


def _sum(row: SumRow, currency: str) -> dict[str, Any]:
    label = row.label
    if row.of is not None:
        label = _("%(tax)s of %(amount)s") % {"tax": row.label, "amount": format_money(row.of, currency)}
    return {"label": label, "amount": format_money(row.amount, currency), "is_total": row.is_total}


def _settled(document: InvoiceDocument) -> list[dict[str, Any]]:
    if document.kind == "credit_note":
        return []
    return [{"label": _("Paid"), "amount": format_money(document.paid, document.currency), "is_total": False}]


def _notes(document: InvoiceDocument) -> Iterator[str]:
    yield from document.reasons
    if not document.taxes:
        yield _("No tax was collected.")
    told = document.seller_currency_tax
    if told:
        sentence = _("Tax in %(books)s: %(amount)s, at %(currency)s 1 = %(books)s %(rate)s (%(source)s).")
        yield sentence % {
            "books": told.currency.upper(),
            "amount": format_money(told.amount, told.currency),
            "currency": document.currency.upper(),
            "rate": f"{told.rate.normalize():f}",
            "source": told.source,
        }
    yield from filter(None, document.footer.splitlines())


def _imprint(seller: Party) -> Iterator[list[str]]:
    yield [seller.name, *seller.address]
    yield [seller.email, seller.phone]
    yield [_tax_id(seller), _tax_number(seller), seller.registration, seller.bank]


def _tax_id(seller: Party) -> str:
    return _("VAT number %(number)s") % {"number": seller.tax_id} if seller.tax_id else ""


def _tax_number(seller: Party) -> str:
    return _("Tax number %(number)s") % {"number": seller.tax_number} if seller.tax_number else ""
