"""The frozen document of an invoice and of a credit note: what it says adds up, and no later change reaches it."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.documents.build import document_of
from billing.documents.document import InvoiceDocument
from billing.documents.parts import converted
from billing.documents.rows import rows_back, sums_of
from billing.models import CreditNote, Invoice, InvoiceTax, Refund, RefundFee
from customers.models import Customer
from ecommerce.models import Order, Product
from ecommerce.pricing.order import Line, Shipping
from ecommerce.pricing.refunds import refund_of_items, refund_of_rest
from tests.support.factories import make_coupon, make_customer, make_sku
from tests.support.sellers import a_seller
from tests.support.taxed import REVERSE_CHARGE, VAT_7, VAT_19, a_taxed_order, cells_left, give_back

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 3, 23, 30, tzinfo=UTC)


def books_and_mugs(**fields: Any) -> Order:
    """Two mugs at 19 % and three books at 7 %, 10 % off, shipping of 4.90 shared: taxes included."""
    lines = [Line(unit_price=1000, quantity=2, taxes=(VAT_19,)), Line(unit_price=1000, quantity=3, taxes=(VAT_7,))]
    known: dict[str, Any] = {
        "names": [("Mug", "MUG"), ("Book", "BOOK")],
        "coupon": make_coupon(),
        "shipping": Shipping(price=490, rule="share"),
        "included": True,
        "at": AT,
    }
    return a_taxed_order(make_customer(), lines, **(known | fields))


def adds_up(document: InvoiceDocument) -> None:
    charged: list[Any] = [*document.lines, *([document.shipping] if document.shipping else [])]
    assert document.net + document.tax == document.total
    assert sum(each.net for each in charged) == document.net
    assert sum(each.tax for each in charged) == document.tax == sum(tax.amount for tax in document.taxes)
    assert all(each.tax == sum(tax.amount for tax in each.taxes) for each in charged)
    of_all = [tax for each in charged for tax in each.taxes]
    for total in document.taxes:
        parts = [tax for tax in of_all if (tax.label, tax.category) == (total.label, total.category)]
        assert total.taxable == sum(tax.taxable for tax in parts)


def last_note() -> InvoiceDocument:
    return document_of(CreditNote.objects.latest("pk"))


@pytest.mark.parametrize("prices", ["with tax", "without"])
def test_what_an_invoice_says_adds_up(prices: str) -> None:
    order = books_and_mugs(included=prices == "with tax")
    assert order.invoice
    said = document_of(order.invoice)

    adds_up(said)
    assert (said.kind, said.number, said.order_number) == ("invoice", order.invoice.number, order.number)
    assert (said.subtotal, said.discount, said.total) == (order.subtotal, 500, order.total)
    assert [(line.position, line.code, line.quantity, line.tax_label) for line in said.lines] == [
        (1, "MUG", 2, "VAT 19 %"),
        (2, "BOOK", 3, "VAT 7 %"),
    ]
    assert said.shipping
    assert [tax.rate for tax in said.shipping.taxes] == [Decimal(19), Decimal(7)]
    assert said.issued_on == said.delivered_on == date(2026, 11, 3)
    assert [row.amount for row in sums_of(said) if row.is_total] == [order.total]


@pytest.mark.parametrize("prices", ["with tax", "without"])
def test_credit_notes_say_what_goes_back_and_end_at_the_invoice(prices: str) -> None:
    order = books_and_mugs(included=prices == "with tax")
    give_back(order, refund_of_items(cells_left(order), {0: 1}, currency="eur"), at=AT)
    first = last_note()
    give_back(order, refund_of_rest(cells_left(order)), at=AT)
    rest = last_note()

    assert order.invoice
    sold = document_of(order.invoice)
    for note in (first, rest):
        adds_up(note)
        assert (note.kind, note.corrects_number) == ("credit_note", order.invoice.number)
        assert note.corrects_issued_on == date(2026, 11, 3)
    assert [(line.code, line.quantity) for line in first.lines] == [("MUG", 1)]
    assert first.shipping is None
    assert [row.label for row in rows_back(rest)] == ["Mug", "Book", "Shipping"]
    for name in ("net", "tax", "total"):
        assert getattr(first, name) + getattr(rest, name) == getattr(sold, name)
    taxable = Counter({tax.label: tax.taxable for tax in first.taxes})
    taxable.update({tax.label: tax.taxable for tax in rest.taxes})
    assert taxable == {tax.label: tax.taxable for tax in sold.taxes}


def test_a_fee_is_a_line_that_is_kept() -> None:
    order = books_and_mugs()
    refund = give_back(order, refund_of_items(cells_left(order), {0: 2}, currency="eur"), at=AT)
    vat = InvoiceTax.objects.filter(rate=19).order_by("pk").first()
    kept: dict[str, Any] = {"name": "Restocking", "amount": 238, "tax": 38, "rate": 19, "category": "S"}
    RefundFee.objects.create(refund=refund, invoice_tax=vat, **kept)
    Refund.objects.filter(pk=refund.pk).update(fees=238, amount=refund.amount - 238)
    CreditNote.objects.update(amount=refund.amount - 238)

    note = last_note()

    adds_up(note)
    goods, fee = note.lines
    assert (fee.is_fee, fee.description, fee.quantity, fee.amount, fee.net, fee.tax) == (
        True, "Restocking", -1, -238, -200, -38,
    )  # fmt: skip
    assert goods.total == refund.amount
    assert [(row.label, row.total) for row in rows_back(note)] == [("Mug", refund.amount), ("Restocking", -238)]


def test_reasons_and_their_codes() -> None:
    order = a_taxed_order(make_customer(), [Line(unit_price=1000, quantity=1, taxes=(REVERSE_CHARGE,))], at=AT)
    assert order.invoice
    said = document_of(order.invoice)
    assert [(tax.category, tax.reason_code) for tax in said.taxes] == [("K", "VATEX-EU-IC")]
    assert said.reasons == ["Intra-Community supply."]


def test_a_company_is_named_before_the_person() -> None:
    order = books_and_mugs()
    assert order.invoice
    company = {"name": "Ada Lovelace", "company": "Engines Ltd", "line1": "1 High Street", "country": "GB"}
    Invoice.objects.update(bill_to=company, ship_to={**company, "company": ""})
    said = document_of(Invoice.objects.get())
    assert (said.buyer.name, said.buyer.address) == (
        "Engines Ltd",
        ["Ada Lovelace", "1 High Street", "United Kingdom"],
    )
    assert said.ship_to
    assert (said.ship_to.name, said.ship_to.contact) == ("Ada Lovelace", "")


def test_no_later_change_reaches_what_was_issued() -> None:
    a_seller()
    order = books_and_mugs()
    assert order.invoice
    Invoice.objects.update(seller=a_seller().version)
    before = document_of(Invoice.objects.get())

    a_seller(name="Another AG", line1="Elsewhere 2", footer="")
    Customer.objects.update(first_name="Grace", email="grace@example.com")
    make_sku()
    Product.objects.update(name="Cup")
    Order.objects.update(discount_reason="changed")

    assert document_of(Invoice.objects.get()) == before
    assert (before.seller.name, before.footer) == ("Krug GmbH", "Thank you.")


@pytest.mark.parametrize(
    ("amount", "currency", "to_currency", "rate", "expected"),
    [
        (1000, "usd", "eur", "0.92310000", 923),
        (105, "usd", "eur", "0.5", 53),
        (1000, "jpy", "eur", "0.00614200", 614),
        (1234, "eur", "jpy", "162.8", 2009),
        (1000, "eur", "kwd", "0.3337", 3340),
        (1234, "eur", "isk", "143.25", 176800),
    ],
)
def test_tax_in_another_currency(amount: int, currency: str, to_currency: str, rate: str, expected: int) -> None:
    assert converted(amount, currency, to_currency, Decimal(rate)) == expected


def test_tax_is_stated_in_the_currency_of_the_books_by_the_frozen_rate() -> None:
    order = books_and_mugs(currency="usd")
    Invoice.objects.update(seller_currency="eur", exchange_rate=Decimal("0.5"), exchange_rate_source="ECB")
    order.refresh_from_db()
    give_back(order, refund_of_rest(cells_left(order)), at=AT)
    for said in (document_of(Invoice.objects.get()), last_note()):
        told = said.seller_currency_tax
        assert told
        assert (told.currency, told.amount, told.rate, told.source) == (
            "eur", converted(said.tax, "usd", "eur", Decimal("0.5")), Decimal("0.5"), "ECB",
        )  # fmt: skip
