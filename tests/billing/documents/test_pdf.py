"""The PDF of a document, read back."""

from base64 import b64decode
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader

from backoffice.pdf import Attachment
from billing.documents.document import DocumentLine, DocumentTax, InvoiceDocument, LineTax, Party, SellerCurrencyTax
from billing.documents.pdf import pdf_of

AT = datetime(2026, 11, 28, 12, tzinfo=UTC)
PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAECAIAAAA8r+mnAAAAEUlEQVR42mP4z8CAFTFQTwIAWl4f4Q122OMAAAAASUVORK5CYII=")
NAMES = ("Grüße, Łódź", "Ελένη Παπαδοπούλου", "محمد عبد الله", "श्री राम", "王小明")
VAT = LineTax(category="S", rate=Decimal(19), taxable=1000, amount=190, label="VAT 19 %")


def a_line(position: int, description: str = "Mug, red") -> DocumentLine:
    return DocumentLine(
        position=position, code=f"MUG-{position}", description=description, quantity=1, unit_price=1000, amount=1000,
        discount=0, net=1000, tax=190, taxes=(VAT,),
    )  # fmt: skip


def a_document(*lines: DocumentLine, **fields: Any) -> InvoiceDocument:
    count = len(lines)
    known: dict[str, Any] = {
        "kind": "invoice", "number": "INV-000123", "issued_on": date(2026, 11, 28), "order_number": "1042",
        "delivered_on": date(2026, 11, 27), "currency": "eur", "prices_include_tax": False, "ship_to": None,
        "seller": Party(
            name="Krug GmbH", line1="Invalidenstraße 116", postal_code="10115", city="Berlin", country="DE",
            tax_id="DE136695976", registration="HRB 12345", bank="IBAN DE89 3704", email="billing@example.com",
        ),
        "buyer": Party(name="Ada Lovelace", line1="1 High Street", city="London", country="GB"), "lines": lines,
        "shipping": None, "subtotal": 1000 * count, "discount": 0, "manual_discount": 0, "net": 1000 * count,
        "tax": 190 * count, "total": 1190 * count, "paid": 1190 * count,
        "taxes": (
            DocumentTax(label="VAT 19 %", category="S", rate=Decimal(19), taxable=1000 * count, amount=190 * count),
        ),
    }  # fmt: skip
    return InvoiceDocument(**(known | fields))


def read(document: InvoiceDocument, **more: Any) -> PdfReader:
    return PdfReader(BytesIO(pdf_of(document, created_at=AT, **more)))


def words(document: InvoiceDocument) -> str:
    return " ".join(" ".join(page.extract_text() for page in read(document).pages).split())


def test_it_says_who_sold_what_to_whom_with_which_tax() -> None:
    text = words(a_document(a_line(1), a_line(2), footer="Thank you.", is_test=True))
    for said in (
        "Invoice INV-000123", "Krug GmbH", "Invalidenstraße 116", "10115 Berlin", "Ada Lovelace", "1 High Street",
        "Nov. 28, 2026", "Nov. 27, 2026", "1042", "Mug, red", "MUG-2", "EUR 10.00", "VAT 19 % of EUR 20.00",
        "EUR 3.80", "Total EUR 23.80", "Paid EUR 23.80", "Thank you.", "VAT number DE136695976", "HRB 12345",
        "IBAN DE89 3704", "Page 1 / 1", "Test shop: nothing was sold.",
    ):  # fmt: skip
        assert said in text, said
    assert "Ship to" not in text
    assert "No tax was collected." not in text


def test_it_says_what_the_law_wants_said() -> None:
    zero: dict[str, Any] = {"label": "VAT 0 %", "category": "AE", "rate": Decimal(0), "taxable": 1000, "amount": 0}
    reverse = DocumentTax(**zero, reason="Reverse charge.")
    told = SellerCurrencyTax(currency="usd", amount=206, rate=Decimal("1.0834"), source="ECB")
    buyer = Party(
        name="Engines Ltd", contact="Ada Lovelace", line1="1 High Street", country="FR", tax_id="FR40303265045"
    )
    elsewhere = replace(buyer, line1="2 Low Street")
    text = words(a_document(a_line(1), taxes=(reverse,), buyer=buyer, ship_to=elsewhere, seller_currency_tax=told))
    for said in (
        "Reverse charge.", "Your VAT number FR40303265045", "Ship to Engines Ltd Ada Lovelace 2 Low Street",
        "Tax in USD: USD 2.06, at EUR 1 = USD 1.0834 (ECB).",
    ):  # fmt: skip
        assert said in text, said
    assert "No tax was collected." in words(a_document(a_line(1), taxes=(), tax=0))


def test_a_credit_note_names_the_invoice() -> None:
    back = replace(a_line(1), unit_price=0)
    fee = replace(a_line(2, "Restocking"), quantity=-1, amount=-100, net=-100, tax=-19)
    note = a_document(
        back, fee, kind="credit_note", number="CN-000007", corrects_number="INV-000123",
        corrects_issued_on=date(2026, 11, 1), net=900, tax=171, total=1071,
    )  # fmt: skip
    text = words(note)
    for said in ("Credit note CN-000007", "Corrects invoice INV-000123 of Nov. 1, 2026", "Restocking", "−EUR 1.19"):
        assert said in text, said
    assert "Total EUR 10.71" in text
    assert "Paid" not in text


def test_sixty_lines_fill_three_pages_under_the_same_header() -> None:
    found = read(a_document(*(a_line(number) for number in range(1, 61))))
    assert len(found.pages) == 3
    texts = [page.extract_text() for page in found.pages]
    assert all("Unit price" in text and "INV-000123" in text for text in texts)
    assert [f"Page {number} / 3" in text for number, text in enumerate(texts, start=1)] == [True] * 3
    assert "Total" in texts[-1]


def test_names_of_all_scripts_are_set_with_embedded_fonts() -> None:
    found = read(a_document(*(a_line(number, name) for number, name in enumerate(NAMES, start=1))))
    text = found.pages[0].extract_text()
    assert all(name[0] in text for name in ("Łódź", "Ελένη", "श्री", "王小明"))
    assert {"محمد", "دمحم"} & set(text.split())
    fonts: list[Any] = [each.get_object() for each in found.pages[0]["/Resources"]["/Font"].values()]  # type: ignore[index]
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_it_is_an_archive_file_with_its_xml() -> None:
    xml = b"<?xml version='1.0' encoding='UTF-8'?><x/>"
    found = read(a_document(a_line(1)), attachments=[Attachment("factur-x.xml", xml, "text/xml", "Invoice")])
    assert found.attachments == {"factur-x.xml": [xml]}
    assert found.metadata
    assert found.metadata.creation_date == AT
    told = found.trailer["/Root"]["/Metadata"].get_data()  # type: ignore[index]
    assert b"pdfaid:part>3<" in told
    assert b"pdfaid:conformance>B<" in told


def test_the_same_document_has_the_same_bytes() -> None:
    document = a_document(a_line(1))
    assert pdf_of(document, created_at=AT, logo=PNG) == pdf_of(document, created_at=AT, logo=PNG)


def test_the_logo_stands_instead_of_the_name() -> None:
    (image,) = read(a_document(a_line(1)), logo=PNG).pages[0]["/Resources"]["/XObject"].values()  # type: ignore[index]
    assert (image["/Width"], image["/Height"]) == (8, 4)


@pytest.mark.parametrize("text", ["a\0b\x07", '#panic("x") $x$', "W" * 300, "\u202eabc", "👨‍👩‍👧"])
def test_no_text_keeps_it_from_being_made(text: str) -> None:
    party = Party(name=text, line1=text, city=text, country="DE")
    document = a_document(a_line(1, text), seller=party, buyer=party, footer=text, order_number=text, coupon_code=text)
    assert "Total" in words(document)
