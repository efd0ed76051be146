"""Discounts, shipping, taxes and refunds on the pages of orders, invoices and credit notes; figures made by hand."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.invoices import void_credit_note
from billing.models import CreditNote, Refund
from customers.models import Customer
from ecommerce.models import Order, TaxRate
from ecommerce.pricing.order import Discount, Line, Shipping
from ecommerce.pricing.refunds import refund_of_amount, refund_of_items, refund_of_shipping
from ecommerce.pricing.taxes import Tax
from tests.support.factories import make_coupon, make_customer, make_sku, place_order
from tests.support.forms import sentences
from tests.support.rows import a_paid_order, a_refund, an_order
from tests.support.taxed import REVERSE_CHARGE, VAT_7, VAT_19, a_taxed_order, cells_left, give_back

pytestmark = pytest.mark.django_db
AsRole = Callable[[str], Client]
AT = datetime(2026, 11, 3, 12, tzinfo=UTC)


def page(browser: Client, kind: str, pk: int) -> str:
    response = browser.get(f"/admin/{kind}/{pk}/change/")
    assert response.status_code == 200
    return sentences(response)


def mugs_and_books(**fields: Any) -> Order:
    """Two mugs at 19 % and three books at 7 %, 10 % off, shipping of 4.90 by the goods' share; taxes included.

    Mugs 18.00, books 27.00, shipping 1.96 and 2.94. 19 %: 19.96 x 19/119 = 3.19, of it 2.88 on the mugs; 7 %:
    29.94 x 7/107 = 1.96, of it 1.77 on the books.
    """
    lines = [Line(unit_price=1000, quantity=2, taxes=(VAT_19,)), Line(unit_price=1000, quantity=3, taxes=(VAT_7,))]
    known: dict[str, Any] = {
        "names": [("Mug, red", "MUG-RED"), ("Book", "BOOK")],
        "coupon": make_coupon(),
        "shipping": Shipping(price=490, rule="share"),
        "shipping_name": "DHL Parcel",
        "included": True,
        "at": AT,
    }
    return a_taxed_order(make_customer(), lines, **(known | fields))


def lamp_by_agreement() -> Order:
    """A lamp of 100.00 with 10.00 off by agreement, and an engraving of 25.00 that is no SKU; 8 % on top: 9.20."""
    tax = (Tax(country="US", region="CA", name="Sales tax", percent=Decimal(8)),)
    lines = [Line(unit_price=10000, quantity=1, discount=1000, taxes=tax), Line(unit_price=2500, quantity=1, taxes=tax)]
    names = [("Lamp", "LAMP"), ("Engraving “Ada”", "")]
    return a_taxed_order(make_customer(), lines, names=names, currency="usd", discount_reason="Loyal for years", at=AT)


def test_the_order_page_says_each_items_discount_and_tax_and_each_rate_of_the_order(as_role: AsRole) -> None:
    order = mugs_and_books()
    shown = page(as_role("Viewer"), "ecommerce/order", order.pk)
    for words in (
        "Mug, red MUG-RED 2 EUR 10.00 −EUR 2.00 EUR 2.88 VAT 19 % EUR 20.00",
        "Book BOOK 3 EUR 10.00 −EUR 3.00 EUR 1.77 VAT 7 % EUR 30.00",
        "Subtotal EUR 50.00 Discount (SAVE10) −EUR 5.00 Shipping (DHL Parcel) EUR 4.90 Total EUR 49.90",
        "Included: VAT 19 % of EUR 16.77 EUR 3.19 Included: VAT 7 % of EUR 27.98 EUR 1.96",
    ):
        assert words in shown


def test_a_price_by_agreement_and_a_custom_line_are_shown_as_what_they_are(as_role: AsRole) -> None:
    order = lamp_by_agreement()
    viewer = as_role("Viewer")
    shown = page(viewer, "ecommerce/order", order.pk)
    for words in (
        "Lamp LAMP 1 USD 100.00 −USD 10.00 USD 7.20 Sales tax 8 % USD 100.00",
        "Engraving “Ada” Custom line, no SKU 1 USD 25.00 – USD 2.00 Sales tax 8 % USD 25.00",
        (
            "Subtotal USD 125.00 Discount by agreement (Loyal for years) −USD 10.00 "
            "Sales tax 8 % of USD 115.00 USD 9.20 Total USD 124.20"
        ),
    ):
        assert words in shown
    assert order.invoice
    shown = page(viewer, "billing/invoice", order.invoice.pk)
    assert "Discount by agreement (Loyal for years) −USD 10.00 Sales tax 8 % of USD 115.00 USD 9.20" in shown
    assert "Engraving “Ada” 1 USD 25.00 – USD 2.00 Sales tax 8 % USD 25.00" in shown


def test_a_discount_on_the_whole_and_a_coupon_are_told_apart(as_role: AsRole) -> None:
    # 10 % by agreement off 50.00, then 10 % by coupon off 45.00.
    order = mugs_and_books(discount=Discount(percent_off=Decimal(10)), discount_reason="A friend")
    shown = page(as_role("Viewer"), "ecommerce/order", order.pk)
    assert "Discount by agreement (A friend) −EUR 5.00 Discount (SAVE10) −EUR 4.50" in shown


def test_the_order_page_says_what_each_refund_gave_back(as_role: AsRole) -> None:
    order = mugs_and_books()
    give_back(order, refund_of_items(cells_left(order), {0: 1}, currency="eur"), at=AT)
    give_back(order, refund_of_shipping(cells_left(order)), at=AT)
    # 6.00 of 9.00 + 27.00: 1.50 and 4.50; of the books 4.205 and 0.295 of tax: the cent goes to the price, the earlier.
    give_back(order, refund_of_amount(cells_left(order), 600, currency="eur"), at=AT)
    shown = page(as_role("Viewer"), "ecommerce/order", order.pk)
    for words in (
        "1 x Mug, red: EUR 9.00 Including VAT 19 %: EUR 1.44",
        "Shipping (DHL Parcel): EUR 4.90 Including VAT 19 %: EUR 0.31 Including VAT 7 %: EUR 0.19",
        "Mug, red: EUR 1.50 Book: EUR 4.50 Including VAT 19 %: EUR 0.24 Including VAT 7 %: EUR 0.29",
        "Mug, red MUG-RED 1 of 2 refunded, EUR 10.50",
        "Book BOOK EUR 4.50 refunded",
    ):
        assert words in shown


def test_a_failed_refund_gave_nothing_back(as_role: AsRole) -> None:
    order = mugs_and_books()
    refund = give_back(order, refund_of_items(cells_left(order), {0: 1}, currency="eur"), at=AT)
    Refund.objects.filter(pk=refund.pk).update(status="failed")
    shown = page(as_role("Viewer"), "ecommerce/order", order.pk)
    assert "1 x Mug, red: EUR" not in shown
    assert "of 2 refunded" not in shown


def test_why_a_rate_is_zero_is_said(as_role: AsRole) -> None:
    line = Line(unit_price=1000, quantity=1, taxes=(REVERSE_CHARGE,))
    order = a_taxed_order(make_customer(), [line], at=AT)
    assert order.invoice
    for kind, pk in (("ecommerce/order", order.pk), ("billing/invoice", order.invoice.pk)):
        shown = page(as_role("Viewer") if kind == "ecommerce/order" else as_role("Finance"), kind, pk)
        assert "VAT 0 % of EUR 10.00 EUR 0.00" in shown
        assert "Intra-Community supply." in shown


def test_the_invoice_names_the_tax_id_that_the_customer_had(as_role: AsRole) -> None:
    order = place_order(customer=make_customer(tax_id="ATU10223006"))
    Customer.objects.update(tax_id="")
    assert order.invoice
    assert "Tax id ATU10223006" in page(as_role("Finance"), "billing/invoice", order.invoice.pk)


def test_that_no_tax_was_collected_is_said_only_by_a_shop_that_collects_some(as_role: AsRole) -> None:
    order = a_paid_order(make_customer(), make_sku())
    assert order.invoice
    viewer = as_role("Viewer")
    pages = [("ecommerce/order", order.pk), ("billing/invoice", order.invoice.pk)]
    assert all("No tax was collected" not in page(viewer, *each) for each in pages)
    TaxRate.objects.create(country="DE", name="VAT", percent=19, tax_category="standard", category="S")
    assert all("No tax was collected." in page(viewer, *each) for each in pages)


def test_an_order_without_discount_shipping_and_tax_shows_nothing_of_them(as_role: AsRole) -> None:
    order = a_paid_order(make_customer(), make_sku())
    shown = page(as_role("Viewer"), "ecommerce/order", order.pk)
    assert "Item Quantity Price Amount" in shown
    assert "Subtotal USD 30.00 Total USD 30.00" in shown


def test_the_invoice_says_taxes_and_what_each_credit_note_gives_back(as_role: AsRole) -> None:
    order = mugs_and_books()
    give_back(order, refund_of_items(cells_left(order), {0: 1}, currency="eur"), at=AT, reason="Chipped")
    assert order.invoice
    finance = as_role("Finance")
    shown = page(finance, "billing/invoice", order.invoice.pk)
    for words in (
        "Mug, red MUG-RED 2 EUR 10.00 −EUR 2.00 EUR 2.88 VAT 19 % EUR 20.00",
        (
            "Discount (SAVE10) −EUR 5.00 Shipping (DHL Parcel) EUR 4.90 Total EUR 49.90 "
            "Included: VAT 19 % of EUR 16.77 EUR 3.19 Included: VAT 7 % of EUR 27.98 EUR 1.96 Paid EUR 49.90"
        ),
        "1 x Mug, red, EUR 9.00 including VAT 19 %, EUR 1.44 Chipped EUR 9.00",
    ):
        assert words in shown
    note = CreditNote.objects.get()
    assert (
        f"/admin/billing/creditnote/{note.pk}/change/"
        in finance.get(f"/admin/billing/invoice/{order.invoice.pk}/change/").content.decode()
    )
    tab = sentences(finance.get(f"/admin/customers/customer/{order.customer_id}/change/"))
    assert f"{order.invoice.number} PDF {order.number} EUR 49.90 EUR 5.15 EUR 9.00 {note.number} PDF Paid" in tab


def test_the_credit_note_is_a_document_of_its_own(as_role: AsRole) -> None:
    order = mugs_and_books()
    refund = give_back(order, refund_of_items(cells_left(order), {0: 1, 1: 2}, currency="eur"), at=AT)
    finance = as_role("Finance")
    note = CreditNote.objects.get()
    shown = page(finance, "billing/creditnote", note.pk)
    assert order.invoice
    # Two of three books: 18.00, of which 7/107 of what is left is 1.18.
    for words in (
        f"Credit note {note.number} Issued",
        f"Of invoice {order.invoice.number} Order {order.number}",
        "Description Quantity Without tax Tax Amount",
        "Mug, red 1 EUR 7.56 EUR 1.44 EUR 9.00 Book 2 EUR 16.82 EUR 1.18 EUR 18.00",
        "Without tax EUR 24.38 VAT 19 % of EUR 7.56 EUR 1.44 VAT 7 % of EUR 16.82 EUR 1.18 Total EUR 27.00",
    ):
        assert words in shown
    void_credit_note(invoice=order.invoice, refund=refund, at=AT)
    assert "the refund failed after Stripe had accepted it" in page(finance, "billing/creditnote", note.pk)


def test_credit_notes_are_listed_and_found(as_role: AsRole) -> None:
    order = a_paid_order(make_customer(), make_sku())
    a_refund(order, 500)
    CreditNote.objects.update(number="CN-000042")
    finance = as_role("Finance")
    for text in ("cn-42", "CN42", order.number, "ada@example.com", "lovelace"):
        assert "CN-000042" in sentences(finance.get("/admin/billing/creditnote/", {"q": text}))
    assert "CN-000042" not in sentences(finance.get("/admin/billing/creditnote/", {"q": "cn-43"}))
    assert "CN-000042" not in sentences(finance.get("/admin/billing/creditnote/", {"voided_at__isnull": "False"}))
    assert finance.get("/admin/billing/creditnote/999999/change/").status_code == 404
    assert "Credit notes" in sentences(finance.get("/admin/"))


def test_an_unpaid_order_shows_the_taxes_it_would_have(as_role: AsRole) -> None:
    order = mugs_and_books()
    Order.objects.filter(pk=order.pk).update(invoice=None)
    assert "Included: VAT 19 % of EUR 16.77 EUR 3.19" in page(as_role("Viewer"), "ecommerce/order", order.pk)


def test_the_order_page_asks_few_queries_whatever_was_sold_and_refunded(as_role: AsRole) -> None:
    viewer = as_role("Viewer")
    plain = an_order(make_customer("eve@example.com"), make_sku())
    order = mugs_and_books()
    few = queries(viewer, plain)
    give_back(order, refund_of_items(cells_left(order), {0: 1}, currency="eur"), at=AT)
    with_refund = queries(viewer, order)
    for _number in range(4):
        give_back(order, refund_of_amount(cells_left(order), 100, currency="eur"), at=AT)
    assert queries(viewer, order) == with_refund <= 10
    assert few <= 10


def queries(browser: Client, order: Order) -> int:
    with CaptureQueriesContext(connection) as asked:
        page(browser, "ecommerce/order", order.pk)
    return len(asked)
