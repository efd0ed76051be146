"""The tax report: of known orders, of months' ends, and of any order and refunds, to the cent."""

import csv
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.documents.build import document_of
from billing.invoices import void_credit_note
from billing.models import CreditNote, Invoice, InvoiceTax, Refund
from billing.tax_report import TaxReportRow, month_of, next_month, tax_report
from ecommerce.models import Coupon, Order
from ecommerce.pricing.errors import PricingError
from ecommerce.pricing.order import Line, Shipping
from ecommerce.pricing.refunds import refund_of_amount, refund_of_items, refund_of_rest, refund_of_shipping
from ecommerce.pricing.taxes import Tax
from tests.support.examples import some_of
from tests.support.factories import make_coupon, make_customer
from tests.support.forms import sentences
from tests.support.taxed import VAT_7, VAT_19, a_taxed_order, cells_left, give_back

pytestmark = pytest.mark.django_db
REPORT = "/admin/billing/taxreport/"
NOVEMBER, DECEMBER = date(2026, 11, 1), date(2026, 12, 1)
AsRole = Callable[[str], Client]


def at(day: int, month: int = 11, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def books_and_mugs(**fields: Any) -> Order:
    """Two mugs at 19 % and three books at 7 %, 10 % off, shipping of 4.90 shared: taxes included.

    Goods: 20.00 - 2.00 and 30.00 - 3.00; shipping 1.96 and 2.94.
    19 %: 19.96 x 19/119 = 3.19; 7 %: 29.94 x 7/107 = 1.96.
    """
    lines = [Line(unit_price=1000, quantity=2, taxes=(VAT_19,)), Line(unit_price=1000, quantity=3, taxes=(VAT_7,))]
    known: dict[str, Any] = {
        "names": [("Mug", "MUG"), ("Book", "BOOK")],
        "coupon": make_coupon(),
        "shipping": Shipping(price=490, rule="share"),
        "included": True,
        "at": at(3),
    }
    return a_taxed_order(make_customer(), lines, **(known | fields))


def figures(rows: list[TaxReportRow]) -> list[tuple[Any, ...]]:
    return [(f"{row.month:%m}", row.label, row.sold, row.sold_tax, row.credited, row.credited_tax) for row in rows]


def test_sales_count_when_paid_and_credit_notes_when_issued() -> None:
    order = books_and_mugs()
    back = refund_of_items(cells_left(order), {0: 1}, currency="eur")
    give_back(order, back, at=at(2, month=12))
    # Half of a line of 18.00 with tax of 2.87 (1.96's is 0.32): 9.00, of which 1.44 is tax by largest remainder.
    assert figures(tax_report(first=NOVEMBER, last=DECEMBER)) == [
        ("12", "VAT 19 %", 0, 0, 756, 144),
        ("11", "VAT 7 %", 2798, 196, 0, 0),
        ("11", "VAT 19 %", 1677, 319, 0, 0),
    ]
    assert [row.tax for row in tax_report(first=DECEMBER, last=DECEMBER)] == [-144]
    assert tax_report(first=date(2026, 10, 1), last=date(2026, 10, 1)) == []


def test_shipping_of_two_rates_gives_back_of_both() -> None:
    order = books_and_mugs()
    give_back(order, refund_of_shipping(cells_left(order)), at=at(5))
    # 1.96 at 19 % has 0.31 of tax, or 0.32; 2.94 at 7 % has 0.19: what was laid on them goes back, and their prices.
    of_shipping = {tax.rate: (tax.taxable, tax.amount) for tax in InvoiceTax.objects.filter(line=None)}
    rows = tax_report(first=NOVEMBER, last=NOVEMBER)
    assert {row.rate: (row.credited, row.credited_tax) for row in rows} == of_shipping
    assert sum(taxable + tax for taxable, tax in of_shipping.values()) == 490


def test_a_void_credit_note_does_not_count() -> None:
    order = books_and_mugs()
    refund = give_back(order, refund_of_items(cells_left(order), {0: 1}, currency="eur"), at=at(5))
    assert order.invoice
    void_credit_note(invoice=order.invoice, refund=refund, at=at(6))
    Refund.objects.update(status="failed")
    assert [row.credited_tax for row in tax_report(first=NOVEMBER, last=NOVEMBER)] == [0, 0]
    # Its own page says what it would have given back.
    assert [(tax.label, tax.amount) for tax in document_of(CreditNote.objects.get()).taxes] == [("VAT 19 %", 144)]


def test_an_unpaid_invoice_does_not_count() -> None:
    books_and_mugs()
    Invoice.objects.update(status="open", paid_at=None, amount_paid=0)
    assert tax_report(first=NOVEMBER, last=NOVEMBER) == []


@pytest.mark.parametrize(
    ("zone", "month"), [("UTC", "11"), ("Europe/Berlin", "12"), ("America/New_York", "11"), ("Asia/Tokyo", "12")]
)
def test_a_month_ends_at_the_shops_midnight(settings: Any, zone: str, month: str) -> None:
    settings.TIME_ZONE = zone
    books_and_mugs(at=datetime(2026, 11, 30, 23, 30, tzinfo=UTC))
    with timezone.override("Pacific/Auckland"):  # whoever looks at it
        rows = tax_report(first=NOVEMBER, last=DECEMBER)
    assert {f"{row.month:%m}" for row in rows} == {month}
    assert month_of(datetime(2026, 11, 30, 23, 30, tzinfo=UTC)).month == int(month)


def test_the_month_after_the_last_one_is_the_next_years() -> None:
    assert next_month(DECEMBER) == date(2027, 1, 1)
    assert next_month(NOVEMBER) == DECEMBER


STATE, CITY = (
    Tax(country="US", region="NY", name="State", percent=Decimal(4)),
    Tax(country="US", region="NY", name="City", percent=Decimal("4.5")),
)
NOT_REGISTERED = Tax(country="CA", name="VAT", percent=Decimal(0), category="O", reason="Not registered.")
KINDS = [(VAT_19,), (VAT_7,), (STATE, CITY), (NOT_REGISTERED,)]
CODES = {"eur": 1, "jpy": 1, "kwd": 10, "isk": 100, "usd": 1, "gbp": 1}


@st.composite
def orders(draw: Any) -> dict[str, Any]:
    currency, kinds = (
        draw(st.sampled_from(sorted(CODES))),
        draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6)),
    )
    step = CODES[currency]
    amount = st.integers(0, 99_99).map(lambda units: units * step)
    lines = [Line(unit_price=draw(amount), quantity=draw(st.integers(1, 5)), taxes=kind) for kind in kinds]
    rule = draw(st.sampled_from(["own", "share", "highest"]))
    percent = draw(st.integers(0, 100))
    return {
        "lines": lines,
        "currency": currency,
        "included": draw(st.booleans()),
        "stacked": draw(st.booleans()),
        "shipping": Shipping(price=draw(amount), rule=rule, taxes=kinds[0]),
        "coupon": Coupon(code="C", percent_off=percent) if percent else None,
    }


@settings(max_examples=some_of(150))
@given(sold=orders(), data=st.data())
def test_all_months_together_are_the_invoices_less_the_credit_notes(sold: dict[str, Any], data: Any) -> None:
    with transaction.atomic():
        try:
            if sold["coupon"]:
                sold["coupon"].save()
            order = a_taxed_order(make_customer(), at=at(3), **sold)
            refund_some(order, data)
            check_report(order)
            check_notes(order)
        except PricingError:  # more or less than can be charged
            pass
        finally:
            transaction.set_rollback(True)


def refund_some(order: Order, data: Any) -> None:
    """Refund it in parts, the last time wholly or not."""
    for day in range(data.draw(st.integers(0, 4))):
        left = cells_left(order)
        units = [place for place, item in enumerate(left.items) if item.units]
        if not left.total:
            return
        kind = data.draw(st.sampled_from(["items", "amount", "shipping", "rest"]))
        if kind == "items" and units:
            back = refund_of_items(left, {data.draw(st.sampled_from(units)): 1}, currency=order.currency)
        elif kind == "shipping" and left.shipping.total:
            back = refund_of_shipping(left)
        elif kind == "amount":
            step = CODES[order.currency]
            amount = data.draw(st.integers(1, left.total // step)) * step
            back = refund_of_amount(left, amount, currency=order.currency)
        else:
            back = refund_of_rest(left)
        if back.total:
            give_back(order, back, at=at(3) + timedelta(days=20 * day))


def check_report(order: Order) -> None:
    rows = tax_report(first=NOVEMBER, last=date(2027, 6, 1))
    taxes = Counter[tuple[str, Decimal, str]]()
    for tax in InvoiceTax.objects.filter(invoice=order.invoice):
        taxes[tax.name, tax.rate, tax.category] += tax.amount - tax.refunded
    assert {(row.name, row.rate, row.category) for row in rows} == set(taxes)
    due = Counter[tuple[str, Decimal, str]]()
    for row in rows:
        due[row.name, row.rate, row.category] += row.tax
        assert row.sold >= row.credited or row.month > NOVEMBER
    assert due == taxes
    if not stacked_kinds(order):
        # What is taxed, each once, and the taxes are all that was charged and not given back.
        assert sum(row.taxable + row.tax for row in rows) == order.total - order.amount_refunded
    if order.total and order.amount_refunded == order.total:
        sums = Counter[tuple[str, Decimal]]()
        for row in rows:
            sums[row.name, row.rate] += row.taxable
        assert set(sums.values()) <= {0}


def stacked_kinds(order: Order) -> bool:
    return InvoiceTax.objects.filter(invoice=order.invoice, name="City").exists()


def check_notes(order: Order) -> None:
    notes = CreditNote.objects.filter(invoice=order.invoice)
    of_notes = [total for note in notes for total in document_of(note).taxes]
    rows = tax_report(first=NOVEMBER, last=date(2027, 6, 1))
    assert sum(total.amount for total in of_notes) == sum(row.credited_tax for row in rows)
    assert sum(total.taxable for total in of_notes) == sum(row.credited for row in rows)
    if not stacked_kinds(order):
        for note in notes:
            assert sum(total.taxable + total.amount for total in document_of(note).taxes) == note.amount


def test_the_page_shows_a_month_and_the_file_has_the_same(as_role: AsRole) -> None:
    order = books_and_mugs()
    give_back(order, refund_of_items(cells_left(order), {0: 1}, currency="eur"), at=at(5))
    finance = as_role("Finance")
    page = sentences(finance.get(REPORT, {"first": "2026-11", "last": "2026-11"}))
    assert "November 2026" in page
    assert "DE VAT 7 % S EUR 27.98 EUR 1.96 – – EUR 27.98 EUR 1.96" in page
    assert "DE VAT 19 % S EUR 16.77 EUR 3.19 −EUR 7.56 −EUR 1.44 EUR 9.21 EUR 1.75" in page
    assert "Tax of the month EUR 3.71" in page
    file = finance.get(REPORT, {"first": "2026-11", "last": "2026-11", "format": "csv"})
    assert file.headers["Content-Disposition"] == 'attachment; filename="tax-2026-11-2026-11.csv"'
    rows = list(csv.DictReader(file.content.decode().splitlines()))
    assert rows[1] == {
        "month": "2026-11",
        "country": "DE",
        "region": "",
        "name": "VAT",
        "rate": "19",
        "category": "S",
        "currency": "EUR",
        "sales_taxable": "16.77",
        "sales_tax": "3.19",
        "credited_taxable": "7.56",
        "credited_tax": "1.44",
        "taxable": "9.21",
        "tax": "1.75",
    }


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"first": "x"}, "Write a month like 2026-11."),
        ({"first": "2026-12", "last": "2026-11"}, "The last month is before the first."),
        ({"first": "0000-00"}, "Write a month like 2026-11."),
        ({"first": "2020-01", "last": "2020-02"}, "No tax in these months"),
        ({"first": "9999-12", "last": "9999-12"}, "Write a month like 2026-11."),
        ({"first": "0001-01", "last": "0001-01"}, "Write a month like 2026-11."),
        ({}, "No tax in these months"),
    ],
)
def test_whatever_months_are_asked_for(as_role: AsRole, query: dict[str, str], said: str) -> None:
    assert said in sentences(as_role("Finance").get(REPORT, query))


def test_names_in_the_file_are_no_formulas(as_role: AsRole) -> None:
    evil = Tax(country="DE", name="=cmd|' /C calc'!A0", percent=Decimal(20))
    a_taxed_order(make_customer(), [Line(unit_price=1000, quantity=1, taxes=(evil,))], at=at(3), currency="jpy")
    file = as_role("Finance").get(REPORT, {"first": "2026-11", "last": "2026-11", "format": "csv"}).content.decode()
    (row,) = csv.DictReader(file.splitlines())
    assert (row["name"], row["rate"], row["sales_taxable"]) == ("'=cmd|' /C calc'!A0", "20", "1000")


@pytest.mark.parametrize(("role", "status"), [("Viewer", 200), ("Finance", 200), ("nobody", 403)])
def test_who_sees_invoices_sees_it(as_role: AsRole, role: str, status: int) -> None:
    assert as_role(role).get(REPORT).status_code == status


def test_it_is_found_in_the_sidebar_and_the_palette(as_role: AsRole) -> None:
    viewer = as_role("Viewer")
    assert f'href="{REPORT}"' in viewer.get("/admin/").content.decode()
    found = sentences(viewer.get("/admin/search/", {"s": "tax", "extended": "1"}))
    assert "Tax report • Page" in found
