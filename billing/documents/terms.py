"""The business terms of EN 16931 ("BT-1" and so on) of a document, from which both syntaxes are written.

The names are those of the standard and of factur-x, which writes them as CII and as UBL.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _
from stdnum.eu.vat import MEMBER_STATES

from billing import money
from billing.documents.categories import Group, Part, breakdown, parts_of
from billing.documents.document import InvoiceDocument, Party
from billing.documents.rounding import Restated, restated, within_rates

Terms = dict[str, Any]

_INVOICE, _CREDIT_NOTE = "380", "381"  # UNTDID 1001
_BANK_CARD = "48"  # UNTDID 4461
_DISCOUNT = "95"  # UNTDID 5189
_FREIGHT = "FC"  # UNTDID 7161
_PIECE = "C62"  # UN/ECE recommendation 20: "one"
_EMAIL = "EM"  # the scheme of electronic addresses
_EMPTY: tuple[object, ...] = ("", None, [], {})
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def is_electronic(seller: Party, buyer: Party) -> bool:
    """Whether documents are written as XML, too: those of a seller in the EU with a tax id.

    Whoever gave no address, as consumers who only download need not, gets the PDF alone: the standard can't do without.
    So does whoever was erased, of whom the country alone is left.
    """
    if not (buyer.line1 or buyer.city or buyer.tax_id or (buyer.country and buyer.name)):
        return False
    registered_in_eu = seller.country.lower() in MEMBER_STATES or seller.tax_id[:2].lower() in MEMBER_STATES
    return registered_in_eu and bool(seller.tax_id or seller.tax_number)


def business_terms(document: InvoiceDocument) -> Terms:
    """Return all terms; amounts and numbers as text, empty ones left out."""
    charged = parts_of(document)
    parts = within_rates(charged, document.currency)
    groups = breakdown(parts)
    outside_vat = all(group.category == "O" for group in groups)
    return _filled(
        {
            **_header(document, restated(charged, parts)),
            "BG-4": _seller(document.seller, outside_vat=outside_vat),
            "BG-7": _buyer(document.buyer, outside_vat=outside_vat),
            "BG-13": _ship_to(document.ship_to),
            "BG-25": [_line(part, document) for part in parts if part.line or not document.lines],
            "BG-21": [_charge(part, document) for part in parts if not part.line and document.lines],
            "BG-23": [_group(group, document.currency) for group in groups],
            **_totals(document, parts, moved=sum(part.tax for part in charged) - sum(part.tax for part in parts)),
        }
    )


def _header(document: InvoiceDocument, by_rate: Sequence[Restated]) -> Terms:
    is_invoice = document.kind == "invoice"
    corrected = {"BT-25": document.corrects_number, "BT-26": document.corrects_issued_on}
    return {
        "BT-1": document.number,
        "BT-2": document.issued_on,
        "BT-3": _INVOICE if is_invoice else _CREDIT_NOTE,
        "BT-5": document.currency.upper(),
        "BT-14": document.order_number,
        "BT-72": document.delivered_on,
        "BG-1": [{"BT-22": _clean(note)} for note in (*_notes(document), *_on_rounding(by_rate, document.currency))],
        "BG-3": [] if is_invoice else [corrected],
        **_payment(document),
        **_seller_currency(document),
    }


def _payment(document: InvoiceDocument) -> Terms:
    due = document.total > document.paid
    return {
        "BT-81": _BANK_CARD if document.total else "",
        "BT-20": _("Payable at once.") if due else "",
    }


def _seller_currency(document: InvoiceDocument) -> Terms:
    tax = document.seller_currency_tax
    return {"BT-6": tax.currency.upper(), "BT-111": amount(tax.amount, tax.currency)} if tax else {}


def _notes(document: InvoiceDocument) -> Iterable[str]:
    if document.is_test:
        yield _("Test document of a test shop: nothing was sold.")
    if document.kind == "credit_note":
        yield document.reason
    tax = document.seller_currency_tax
    if tax:
        yield _("Taxes in %(books)s: 1 %(currency)s = %(rate)s %(books)s (%(source)s).") % {
            "books": tax.currency.upper(),
            "currency": document.currency.upper(),
            "rate": _number(tax.rate),
            "source": tax.source,
        }
    yield document.footer


def _on_rounding(by_rate: Iterable[Restated], currency: str) -> Iterable[str]:
    for each in by_rate:
        yield _("The tax at %(rate)s %% is stated as its rate gives it: rounded line by line it is %(tax)s.") % {
            "rate": _number(each.group.rate),
            "tax": money.format_money(each.charged, currency),
        }


def _seller(party: Party, *, outside_vat: bool) -> Terms:
    vat_id = "" if outside_vat else party.tax_id  # BR-O-02
    # BR-CO-26: without a VAT number something else must tell who it is.
    other = {} if vat_id else {None: party.tax_id or party.tax_number}
    numbers = {"vat_identifier": vat_id, "tax_identifier": party.tax_number, "identifiers": other}
    return {**_party(party), **numbers, "legal_info": _clean(party.registration)}


def _buyer(party: Party, *, outside_vat: bool) -> Terms:
    if outside_vat and party.tax_id:
        return {**_party(party), "identifiers": {None: party.tax_id}}
    return {**_party(party), "vat_identifier": party.tax_id}


def _ship_to(party: Party | None) -> Terms:
    return {} if party is None else {"name": _clean(party.name or party.contact), **_address(party)}


def _party(party: Party) -> Terms:
    contact = {"name": _clean(party.contact), "phone": _clean(party.phone), "email": party.email}
    electronic = {"einvoicing_addr": party.email, "einvoicing_addr_schemeid": _EMAIL} if party.email else {}
    return {
        "name": _clean(party.name),
        **_address(party),
        **electronic,
        "contacts": [contact] if any(contact.values()) else [],
    }


def _address(party: Party) -> Terms:
    lines = [line for line in map(_clean, (party.department, party.line1, party.line2)) if line]
    return {
        **{f"addr_l{number}": line for number, line in enumerate(lines, start=1)},
        "city": _clean(party.city),
        "postcode": _clean(party.postal_code),
        "country_subdivision": _clean(party.state),
        "country_code": party.country,
    }


def _line(part: Part, document: InvoiceDocument) -> Terms:
    line, discount = part.line, _net_discount(part, document)
    quantity = (line.quantity if line else 0) or (-1 if part.net < 0 else 1)
    return {
        "BT-126": str(line.position if line else part.position),
        "BT-129": str(quantity),
        "BT-130": _PIECE,
        "BT-131": amount(part.net, document.currency),
        "BT-146": unit_price(part.net + discount, quantity, document.currency),
        "BG-27": [_discount(discount, document.currency)] if discount else [],
        "BT-151": part.category,
        "BT-152": _rate(part.category, part.rate),
        "BT-153": _clean(part.name) or _clean(line.code if line else "") or "-",
        "BT-154": _("A part of its price.") if line and not line.quantity else "",
        "BT-155": _clean(line.code) if line else "",
    }


def _discount(discount: int, currency: str) -> Terms:
    return {"amount": amount(discount, currency), "reason": _("Discount"), "reason_code": _DISCOUNT}


def _net_discount(part: Part, document: InvoiceDocument) -> int:
    """The line's discount without taxes."""
    line = part.line
    if not line or not line.discount or not document.prices_include_tax:
        return line.discount if line else 0
    charged = line.amount - line.discount
    if charged:
        return money.round_to_step(Fraction(part.net * line.discount, charged), document.currency)
    return money.round_to_step(line.amount * 100 / (100 + Fraction(part.rate)), document.currency)


def _charge(part: Part, document: InvoiceDocument) -> Terms:
    return {
        "amount": amount(part.net, document.currency),
        "reason": _clean(part.name),
        "reason_code": _FREIGHT,
        "vat_category_code": part.category,
        "vat_rate": _rate(part.category, part.rate),
    }


def _group(group: Group, currency: str) -> Terms:
    return {
        "BT-116": amount(group.taxable, currency),
        "BT-117": amount(group.tax, currency),
        "BT-118": group.category,
        "BT-119": _rate(group.category, group.rate),
        "BT-120": _clean(group.reason),
        "BT-121": group.reason_code,
    }


def _totals(document: InvoiceDocument, parts: list[Part], *, moved: int) -> Terms:
    # What `within_rates` moved from taxes to nets.
    charges = sum(part.net for part in parts if not part.line) if document.lines else 0
    totals = {
        "BT-106": document.net + moved - charges,
        "BT-109": document.net + moved,
        "BT-110": document.tax - moved,
        "BT-112": document.total,
        "BT-113": document.paid,
        "BT-115": document.total - document.paid,
    }
    if charges:
        totals["BT-108"] = charges
    return {term: amount(value, document.currency) for term, value in totals.items()}


def amount(minor: int, currency: str) -> str:
    """Write an amount with at most two decimals, all that EN 16931 allows: the third one of a dinar is always 0."""
    text = money.plain(minor, currency)
    return text.removesuffix("0") if money.currency(currency).exponent > 2 else text  # noqa: PLR2004


def unit_price(total: int, quantity: int, currency: str) -> str:
    """Write the price of a unit with as many decimals as it takes for all units to cost the total to the cent."""
    exponent = min(money.currency(currency).exponent, 2)
    exact = Decimal(amount(total, currency)) / quantity
    rounded = exact.quantize(Decimal(1).scaleb(-exponent - len(str(abs(quantity)))), ROUND_HALF_UP)
    short = rounded.quantize(Decimal(1).scaleb(-exponent), ROUND_HALF_UP)
    return f"{short:f}" if short == rounded else _number(rounded)


def _rate(category: str, rate: Decimal) -> str:
    return "" if category == "O" else _number(rate)  # BR-O-05


def _number(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("", text).strip()


def _filled(terms: Terms) -> Terms:
    # factur-x wants the name of a party, even an empty one, which then breaks a rule.
    return {key: _filled_value(value) for key, value in terms.items() if key == "name" or value not in _EMPTY}


def _filled_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _filled(value)
    return [_filled_value(each) for each in value] if isinstance(value, list) else value
