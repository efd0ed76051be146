"""Documents that break a rule: kept, listed in words, and issued once that is mended."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from facturx import get_facturx_xml_from_pdf
from pypdf import PdfReader

from backoffice.models import Activity
from billing.documents import check as checking
from billing.documents import make
from billing.documents.check import CheckUnavailable, check
from billing.models import Document, Invoice, Seller, SellerVersion
from ecommerce.models import Order
from ecommerce.pricing.order import Line
from tests.support.factories import make_customer
from tests.support.forms import sentences
from tests.support.random_sales import SELLER
from tests.support.taxed import VAT_19, a_taxed_order, cells_left, give_back

AsRole = Callable[[str], Client]
AT = datetime(2026, 11, 3, 12, tzinfo=UTC)
ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "1 Rue de la Paix",
    "city": "Paris",
    "postal_code": "75002",
    "country": "FR",
}
LIST = "/admin/billing/document/"


@pytest.fixture
def seller(db: None) -> SellerVersion:
    version = SellerVersion.objects.create(details=SELLER)
    Seller.objects.filter(pk=1).update(name=SELLER["name"], version=version)
    return version


@pytest.fixture
def order(seller: SellerVersion) -> Order:
    order = a_taxed_order(make_customer(), [Line(unit_price=1000, quantity=2, taxes=(VAT_19,))], at=AT)
    business = {"name": "Ada Lovelace", "email": "ada@example.com", "tax_id": "FR40303265045"}
    Invoice.objects.update(seller=seller, bill_to=business)
    return order


def made(order: Order, **fields: Any) -> Document:
    """The document of the order's invoice, made now."""
    document, _ = Document.objects.get_or_create(**({"invoice": order.invoice} | fields))
    return make.make_now(document.pk)


def issue_again(client: Client, *documents: Document) -> str:
    chosen = {"action": "issue_again", "_selected_action": [document.pk for document in documents]}
    return sentences(client.post(LIST, chosen, follow=True))


def test_what_is_missing_is_said_in_words_and_issued_once_it_is_there(order: Order, as_role: AsRole) -> None:
    document = made(order)
    assert document.status == Document.Status.BROKEN
    assert [problem["rule"] for problem in document.problems] == ["BR-10, BR-11"]
    finance = as_role("Finance")
    words = "The buyer's address, or its country, is missing: correct the address"
    assert f"Needs attention Invoice {document.of.number} {words}" in sentences(finance.get("/admin/"))
    assert words in sentences(finance.get(LIST, {"status__exact": "broken", "q": document.of.number}))

    Order.objects.update(shipping_address=ADDRESS)
    assert "1 document is made again." in issue_again(finance, document)

    document = made(order)
    assert document.status == Document.Status.ISSUED
    invoice = Invoice.objects.get()
    assert invoice.bill_to["city"] == "Paris"
    assert invoice.ship_to == ADDRESS
    assert Activity.objects.filter(object_type="billing.invoice", act="changed").count() == 1
    assert document.of.number not in sentences(finance.get("/admin/"))


def test_readers_of_factur_x_find_the_file_and_the_profile(order: Order) -> None:
    Invoice.objects.update(bill_to=ADDRESS)
    pdf = made(order).read()
    name, xml = get_facturx_xml_from_pdf(pdf, check_xsd=True, check_schematron=False)
    assert name == "factur-x.xml"
    assert check(xml, syntax="cii") == []
    assert made(order, format="cii").read() == xml
    assert check(made(order, format="ubl").read(), syntax="ubl") == []
    metadata = PdfReader(BytesIO(pdf)).xmp_metadata
    assert metadata
    said = metadata.stream.get_data().decode()
    assert "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in said
    assert "<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>" in said
    assert "<pdfaid:part>3</pdfaid:part>" in said
    assert pdf.startswith(b"%PDF-1.7")


def test_what_was_issued_names_the_same_buyer_for_ever(order: Order, as_role: AsRole) -> None:
    Invoice.objects.update(bill_to=ADDRESS)
    issued = made(order)
    content = issued.read()
    note = give_back(order, cells_left(order), at=AT).credit_note
    broken = Document.objects.get_or_create(credit_note=note)[0]
    Document.objects.filter(pk=broken.pk).update(status="broken", next_attempt_at=None)
    Order.objects.update(shipping_address={**ADDRESS, "city": "Lyon"})

    said = issue_again(as_role("Finance"), issued, broken)

    assert "1 document is made again." in said
    assert "Left as they are, since they are not broken: 1." in said
    assert Invoice.objects.get().bill_to["city"] == "Paris"
    assert make.make_now(broken.pk).status == Document.Status.ISSUED
    assert made(order).read() == content


@pytest.mark.parametrize("case", ["a seller outside the EU", "a consumer without an address"])
def test_where_there_is_no_xml_the_pdf_is_issued_alone(case: str, order: Order, seller: SellerVersion) -> None:
    if case == "a seller outside the EU":
        SellerVersion.objects.update(details=SELLER | {"country": "US", "tax_id": ""})
    else:
        Invoice.objects.update(bill_to={"name": "Ada Lovelace", "email": "ada@example.com"})
    document = made(order)
    assert document.status == Document.Status.ISSUED
    assert not PdfReader(BytesIO(document.read())).attachments
    assert make.document_for(document.of, "cii") is None


@pytest.mark.parametrize("role", ["Viewer", "Support"])
def test_others_see_them_and_can_not_issue_them_again(role: str, order: Order, as_role: AsRole) -> None:
    document = made(order)
    client = as_role(role)
    assert b'value="issue_again"' not in client.get(LIST).content
    issue_again(client, document)
    document.refresh_from_db()
    assert document.status == Document.Status.BROKEN


def test_a_check_that_gives_no_answer_is_tried_again_and_then_said(
    order: Order, monkeypatch: pytest.MonkeyPatch, as_role: AsRole
) -> None:
    Invoice.objects.update(bill_to=ADDRESS)
    monkeypatch.setattr(checking, "_children", [])
    monkeypatch.setattr(checking, "COMMAND", ("/nowhere/python",))
    document = made(order)
    assert document.status == Document.Status.QUEUED
    for _ in range(make.MAX_ATTEMPTS - 1):
        Document.objects.update(next_attempt_at=AT)
        document = make.make_now(document.pk)
    assert document.status == Document.Status.BROKEN
    assert "gave no answer: press Issue again" in document.problems[0]["words"]
    with pytest.raises(CheckUnavailable):
        check(b"<a/>", syntax="cii")
    monkeypatch.undo()
    issue_again(as_role("Finance"), document)
    assert made(order).status == Document.Status.ISSUED
