"""Invoices and credit notes as XML, held against the official rules of EN 16931."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from billing.documents.build import document_of
from billing.documents.check import check
from billing.documents.cii import cii_xml
from billing.documents.document import InvoiceDocument, Party, SellerCurrencyTax, ShippingCharge
from billing.documents.terms import business_terms, is_electronic, unit_price
from billing.documents.ubl import ubl_xml
from tests.support.documents import BUYER, SELLER, a_credit_note, a_line, an_invoice, vat
from tests.support.factories import make_customer
from tests.support.random_sales import documents_of, sales

AT = datetime(2026, 11, 3, 12, tzinfo=UTC)


def broken(document: InvoiceDocument) -> dict[str, str]:
    """The rules that either syntax breaks, with their words."""
    in_cii = check(cii_xml(document), syntax="cii")
    in_ubl = check(ubl_xml(document), syntax="ubl")
    return {problem.rule: problem.words for problem in [*in_cii, *in_ubl]}


def found(document: InvoiceDocument, path: str) -> list[str]:
    root = etree.fromstring(cii_xml(document))
    return [each.text for each in root.xpath(f"//{path}", namespaces=root.nsmap)]


def hold_random_sales(count: int) -> set[str]:
    categories = set()
    for invoice in sales(count, seed=15, customer=make_customer(), at=AT):
        for issued in documents_of(invoice):
            document = document_of(issued)
            assert is_electronic(document.seller, document.buyer)
            assert not broken(document), (issued, document)
            categories |= {group["BT-118"] for group in business_terms(document)["BG-23"]}
    return categories


@pytest.mark.django_db
def test_random_orders_and_their_refunds_keep_the_rules() -> None:
    assert hold_random_sales(30) >= {"S", "E"}


@pytest.mark.full
@pytest.mark.django_db
def test_500_random_orders_and_their_refunds_keep_the_rules() -> None:
    assert hold_random_sales(500) == {"S", "Z", "E", "AE", "K", "G", "O"}


IN_DOLLARS = SellerCurrencyTax(currency="usd", amount=437, rate=Decimal("1.15"), source="ECB")
SHIPPING = ShippingCharge(name="Parcel", amount=500, net=500, tax=71, taxes=(vat(300, 57), vat(200, 14, rate="7")))
REVERSED = vat(2000, 0, category="AE", rate="0", reason="Reverse charge: the customer accounts for the VAT.")
OUTSIDE = vat(900, 0, category="O", rate="0", reason="Not subject to VAT: supplied outside the EU.")
WITHIN_EU = vat(2000, 0, category="K", rate="0", reason="Intra-community supply.")


@pytest.mark.parametrize(
    "document",
    [
        an_invoice(),
        an_invoice(shipping=SHIPPING),
        an_invoice(a_line(1000, 190, discount=500)),
        an_invoice(a_line(0, 0, discount=500)),
        an_invoice(a_line(1000, 100, taxes=(vat(1000, 100, rate="10"),)), currency="jpy"),
        an_invoice(a_line(4500, 860), currency="kwd"),
        an_invoice(seller_currency_tax=IN_DOLLARS),
        an_invoice(a_line(2000, 0, taxes=(REVERSED,)), buyer=Party(name="SA", country="FR", tax_id="FR40303265045")),
        an_invoice(a_line(2000, 0, taxes=(WITHIN_EU,)), buyer=Party(name="SA", country="FR", tax_id="FR40303265045")),
        an_invoice(a_line(900, 0, taxes=(OUTSIDE,))),
        an_invoice(a_line(900, 0, taxes=(OUTSIDE,)), a_line(1000, 190, position=2)),
        an_invoice(replace(a_line(900, 0), taxes=())),
        an_invoice(paid=0),
        an_invoice(seller=replace(SELLER, tax_id="", tax_number="27/123/456")),
        an_invoice(buyer=Party(name="Ada \x00\x1b👩‍💻 Ada", line1="1\ufffe", country="GR", tax_id="EL094259216")),
        a_credit_note(),
        a_credit_note(a_line(700, 133, quantity=0)),
        a_credit_note(a_line(2000, 380), a_line(-500, -95, quantity=-1, position=2)),
        a_credit_note(a_line(2000, 380), replace(a_line(-500, 0, quantity=-1, position=2), taxes=())),
        replace(a_credit_note(shipping=SHIPPING), lines=(), net=500, tax=71, total=571, paid=571),
    ],
    ids=range(20),
)  # fmt: skip
def test_every_kind_of_document_keeps_the_rules(document: InvoiceDocument) -> None:
    assert broken(document) == {}


def _broken_on_purpose() -> dict[str, tuple[InvoiceDocument, str, str]]:
    invoice = an_invoice()
    line = invoice.lines[0]
    exempt = vat(2000, 380, category="E")
    untaxed = a_line(2000, 0, taxes=(WITHIN_EU,))
    business = Party(name="SA", country="FR", tax_id="FR40303265045")
    return {
        "a cent off": (replace(invoice, total=2381, paid=2381), "BR-CO-15", "don't add up"),
        "a line a cent off": (replace(invoice, lines=(replace(line, net=2001),)), "BR-CO-10", "don't add up"),
        "no buyer": (replace(invoice, buyer=Party(name="")), "BR-07", "buyer's name is missing"),
        "no address": (replace(invoice, buyer=Party(name="Ada")), "BR-10", "buyer's address, or its country"),
        "taxed as exempt": (an_invoice(a_line(2000, 380, taxes=(exempt,))), "BR-E-09", "rate or a"),
        "standard rate of 0": (an_invoice(a_line(2000, 0, taxes=(vat(2000, 0, rate="0"),))), "BR-S-05", "at 0 % are Z"),
        "a euro off": (an_invoice(a_line(2000, 480)), "BR-S-09", "differs by a whole unit"),
        "no prefix": (replace(invoice, seller=replace(SELLER, tax_id="136695976")), "BR-CO-09", "two letters"),
        "no delivery": (an_invoice(untaxed, buyer=business, ship_to=None), "BR-IC-12", "country of the delivery"),
        "no tax id of the buyer": (an_invoice(untaxed), "BR-IC-02", "tax ids of both sides"),
        "unknown country": (replace(invoice, buyer=Party(name="Ada", country="ZZ")), "BR-CL-14", "does not know"),
        "no seller": (replace(invoice, seller=Party(name="", tax_number="1")), "BR-06", "Settings > Seller"),
    }  # fmt: skip


@pytest.mark.parametrize("fault", _broken_on_purpose())
def test_what_is_broken_on_purpose_is_caught_in_words(fault: str) -> None:
    document, rule, words = _broken_on_purpose()[fault]
    problems = broken(document)
    assert any(rule in rules and words in said for rules, said in problems.items()), problems
    assert not any("{" in said or "'ram:" in said for said in problems.values())


def test_a_credit_note_is_381_and_names_its_invoice() -> None:
    note = a_credit_note()
    assert found(note, "rsm:ExchangedDocument/ram:TypeCode") == ["381"]
    assert found(note, "ram:InvoiceReferencedDocument/ram:IssuerAssignedID") == ["INV-000042"]
    assert found(note, "ram:InvoiceReferencedDocument//qdt:DateTimeString") == ["20261103"]
    assert etree.QName(etree.fromstring(ubl_xml(note))).localname == "CreditNote"


def test_prices_with_tax_are_written_without_it_and_with_as_many_decimals_as_it_takes() -> None:
    line = replace(a_line(2521, 479, quantity=3), unit_price=1000, amount=3000)
    invoice = an_invoice(line, prices_include_tax=True)
    assert found(invoice, "ram:NetPriceProductTradePrice/ram:ChargeAmount") == ["8.403"]
    assert found(invoice, "ram:LineTotalAmount") == ["25.21", "25.21"]


@pytest.mark.parametrize("total", [1, 100, 1000, 2521, 999_999])
@pytest.mark.parametrize("quantity", [1, 3, 7, 12, 999, 9_999])
def test_all_units_cost_the_line_to_the_cent(total: int, quantity: int) -> None:
    price = Decimal(unit_price(total, quantity, "eur"))
    assert round(price * quantity, 2) == Decimal(total) / 100


def test_a_discount_on_prices_with_tax_is_written_without_it() -> None:
    line = replace(a_line(2700, 513, quantity=3), unit_price=1190, amount=3570, discount=357)
    invoice = an_invoice(line, prices_include_tax=True)
    assert found(invoice, "ram:SpecifiedTradeAllowanceCharge/ram:ActualAmount") == ["3.00"]
    assert found(invoice, "ram:NetPriceProductTradePrice/ram:ChargeAmount") == ["10.00"]


def test_what_is_paid_by_card_is_not_due() -> None:
    assert found(an_invoice(), "ram:TotalPrepaidAmount") == ["23.80"]
    assert found(an_invoice(), "ram:DuePayableAmount") == ["0.00"]
    assert found(an_invoice(), "ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode") == ["48"]


def test_the_tax_is_stated_in_the_currency_of_the_seller_too() -> None:
    tax = SellerCurrencyTax(currency="eur", amount=342, rate=Decimal("0.9"), source="ECB")
    invoice = an_invoice(currency="usd", seller_currency_tax=tax)
    assert found(invoice, "ram:TaxCurrencyCode") == ["EUR"]
    assert found(invoice, "ram:TaxTotalAmount[@currencyID='EUR']") == ["3.42"]
    assert found(invoice, "ram:IncludedNote/ram:Content") == ["Taxes in EUR: 1 USD = 0.9 EUR (ECB)."]


def test_outside_the_scope_of_tax_no_tax_id_is_named_and_beside_others_it_is_exempt() -> None:
    alone = an_invoice(a_line(900, 0, taxes=(OUTSIDE,)))
    mixed = an_invoice(a_line(900, 0, taxes=(OUTSIDE,)), a_line(1000, 190, position=2))
    breakdown = "ram:ApplicableHeaderTradeSettlement/ram:ApplicableTradeTax"
    assert found(alone, "ram:ID[@schemeID='VA']") == []
    assert found(alone, f"{breakdown}/ram:ExemptionReasonCode") == ["VATEX-EU-O"]
    assert found(mixed, f"{breakdown}/ram:CategoryCode") == ["E", "S"]
    assert found(mixed, f"{breakdown}/ram:ExemptionReason") == [OUTSIDE.reason]
    assert found(mixed, f"{breakdown}/ram:ExemptionReasonCode") == []


@pytest.mark.parametrize(
    ("seller", "expected"),
    [
        ({}, True),
        ({"tax_id": ""}, False),
        ({"tax_id": "", "tax_number": "27/123/456"}, True),
        ({"country": "US", "tax_id": "US123456789"}, False),
        ({"country": "GB", "tax_id": "XI123456789"}, True),
        ({"country": "GR", "tax_id": "EL094259216"}, True),
    ],
)
def test_only_a_seller_in_the_eu_with_a_tax_id_writes_xml(*, seller: dict[str, Any], expected: bool) -> None:
    assert is_electronic(replace(SELLER, **seller), BUYER) is expected


def test_a_consumer_who_gave_no_address_gets_no_xml_but_a_business_must_have_one() -> None:
    assert not is_electronic(SELLER, Party(name="Ada", email="ada@example.com"))
    assert is_electronic(SELLER, Party(name="SA", tax_id="FR40303265045"))
    assert is_electronic(SELLER, Party(name="Ada", country="FR"))
    assert not is_electronic(SELLER, Party(name="", country="FR"))
