from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.models import Invoice
from tests.support.factories import make_coupon, make_customer, make_sku
from tests.support.forms import filled_in, sentences
from tests.support.rows import a_paid_order, a_refund, an_order

LIST = "/admin/billing/invoice/"
AsRole = Callable[[str], Client]


@pytest.fixture
def finance(as_role: AsRole) -> Client:
    return as_role("Finance")


def invoice_of(**fields: Any) -> Invoice:
    order = a_paid_order(make_customer(), make_sku(), **fields)
    assert order.invoice
    return order.invoice


def test_the_invoice_reads_as_the_customer_would_read_it(finance: Client) -> None:
    invoice = invoice_of(discount=300, total=2700, coupon=make_coupon())
    a_refund(invoice.order, 500)

    page = sentences(finance.get(f"{LIST}{invoice.pk}/change/"))

    for words in (
        f"Test shop Invoice {invoice.number} Paid",
        "Bill to Ada Lovelace ada@example.com 1 High Street London United Kingdom",
        "Mug, red MUG-RED 2 USD 15.00 USD 30.00",
        "Subtotal USD 30.00 Discount −USD 3.00 Total USD 27.00 Paid USD 27.00 Refunded −USD 5.00",
        f"pi_{invoice.reference} – USD 27.00 Succeeded",
        "Broken USD 5.00 Succeeded",
    ):
        assert words in page


def test_it_leads_to_its_order_and_customer(finance: Client) -> None:
    invoice = invoice_of()

    page = finance.get(f"{LIST}{invoice.pk}/change/").content.decode()

    assert f'href="/admin/ecommerce/order/{invoice.order.pk}/change/"' in page
    assert f'href="/admin/customers/customer/{invoice.customer_id}/change/"' in page


def test_a_failed_refund_is_told_and_its_void_note_left_out(finance: Client) -> None:
    invoice = invoice_of()
    refund = a_refund(invoice.order, 500)
    refund.credit_note.voided_at = timezone.now()
    refund.credit_note.save()
    refund.status, refund.failure_message = "failed", "The card was closed."
    refund.save()

    page = sentences(finance.get(f"{LIST}{invoice.pk}/change/"))

    assert f"Refund {refund} of USD 5.00 failed: The card was closed." in page
    assert refund.credit_note.number not in page


def test_a_total_of_zero_says_why_nothing_was_paid(finance: Client) -> None:
    invoice = invoice_of(discount=3000, total=0)

    assert "Nothing was to pay: the total is zero." in sentences(finance.get(f"{LIST}{invoice.pk}/change/"))


def test_names_are_shown_as_text(finance: Client) -> None:
    eve = make_customer("eve@example.com", first_name="<script>alert(1)</script>")
    order = a_paid_order(eve, make_sku(product="<b>x</b>"))
    a_refund(order, 100, reason="<script>alert(2)</script>")
    assert order.invoice

    for address in (LIST, f"{LIST}{order.invoice.pk}/change/"):
        page = finance.get(address).content.decode()
        assert "<script>alert(" not in page
        assert "<b>x</b>" not in page


def test_nothing_of_it_can_be_edited(as_role: AsRole) -> None:
    invoice = invoice_of()
    admin = as_role("admin")

    page = admin.get(f"{LIST}{invoice.pk}/change/")
    admin.post(f"{LIST}{invoice.pk}/change/", {"number": "X", "status": "void"})

    assert set(filled_in(page)) <= {"csrfmiddlewaretoken", "s"}
    assert Invoice.objects.values_list("number", "status").get() == (invoice.number, "paid")


@pytest.mark.parametrize("key", ["999999", "abc", "1'"])
def test_an_invoice_that_is_none(finance: Client, key: str) -> None:
    assert finance.get(f"{LIST}{key}/change/").status_code == 404


def test_tabs_count_and_narrow(finance: Client) -> None:
    sku, ada = make_sku(), make_customer()
    paid = a_paid_order(ada, sku)
    Invoice.objects.create(
        number="INV-900000",
        customer=ada,
        reference=an_order(ada, sku).number,
        currency="usd",
        subtotal=1,
        total=1,
        bill_to={},
    )

    everything = sentences(finance.get(LIST))
    unpaid = sentences(finance.get(LIST, {"status__exact": "open"}))

    assert "All 2 Draft 0 Open 1 Paid 1 Void 0 Uncollectible 0" in everything
    assert "INV-900000" in unpaid
    assert f"INV-{paid.pk:06d}" not in unpaid


@pytest.mark.parametrize(
    "text",
    [
        "{number}",
        "{number_low}",
        "{short}",
        "{reference}",
        "#{reference}",
        "pi_{reference}",
        "ADA@example.com",
        "lovelace",
    ],
)
def test_search(finance: Client, text: str) -> None:
    sku = make_sku()
    other = a_paid_order(make_customer("bob@example.org", first_name="Bob", last_name="B"), sku)
    order = a_paid_order(make_customer(), sku)
    assert order.invoice
    number = order.invoice.number
    typed = text.format(number=number, number_low=number.lower(), short=f"INV{order.pk}", reference=order.number)

    page = sentences(finance.get(LIST, {"q": typed}))

    assert number in page
    assert f"INV-{other.pk:06d}" not in page


@pytest.mark.parametrize("address", [LIST, "/admin/billing/payment/", "/admin/billing/refund/"])
@pytest.mark.parametrize("text", ["'", "pi_", "re_%", "!!", "\\", "<b>", "INV-", "0" * 300])
def test_whatever_is_typed_is_only_searched_for(finance: Client, address: str, text: str) -> None:
    a_refund(a_paid_order(make_customer(), make_sku()), 100)

    assert finance.get(address, {"q": text}).status_code == 200


@pytest.mark.parametrize("address", [LIST, "/admin/billing/payment/", "/admin/billing/refund/"])
def test_lists_ask_no_more_for_many_than_for_one(finance: Client, address: str) -> None:
    sku = make_sku()
    a_refund(a_paid_order(make_customer(), sku), 100)
    few = queries_of(finance, address)
    for number in range(10):
        a_refund(a_paid_order(make_customer(f"c{number}@example.com"), sku), 100)

    assert queries_of(finance, address) == few <= 10
    assert queries_of(finance, f"{address}?q=example") <= 10


def queries_of(browser: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as asked:
        assert browser.get(address).status_code == 200
    assert not [each["sql"] for each in asked if "OFFSET" in each["sql"]]
    return len(asked)


def test_pages_by_key(finance: Client) -> None:
    sku, ada = make_sku(), make_customer()
    numbers = [f"INV-{a_paid_order(ada, sku).pk:06d}" for _ in range(51)][::-1]

    first = finance.get(LIST)
    last = finance.get(LIST, {"last": "1"})
    older = finance.get(LIST, {"before": first.context["cl"].result_list[-1].pk})

    assert [each.number for each in first.context["cl"].result_list] == numbers[:50]
    assert [each.number for each in last.context["cl"].result_list] == numbers[1:]
    assert [each.number for each in older.context["cl"].result_list] == numbers[50:]
    assert "Next" in sentences(first)
    assert "Next" not in sentences(older)
