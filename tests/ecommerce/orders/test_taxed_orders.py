"""Orders with tax and shipping, placed and refunded by the real acts."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from billing.documents.build import document_of
from billing.models import CreditNote, Invoice, InvoiceLine, InvoiceTax, RefundAllocation
from billing.tax_report import month_of, tax_report
from customers.actors import SYSTEM
from customers.models import Address, Customer
from ecommerce.models import ShippingRate, ShopSettings, Sku, TaxLine, TaxRate
from ecommerce.orders.cancel import cancel
from ecommerce.orders.lines import CustomLine, LineRequest
from ecommerce.orders.pay import pay
from ecommerce.orders.place import place
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.shipping import ShippingChoice
from ecommerce.pricing.order import Discount
from tests.support.factories import ANA, make_address, make_coupon, make_customer, make_sku, wanted_by
from tests.support.german import mug_and_book, ordered
from tests.support.order_acts import fresh, refused, settle

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("balanced")]
NOW = timezone.now
WHY: dict[str, Any] = {"reason": "Came broken", "by": ANA}


def taxes() -> list[tuple[str, int, int]]:
    rows = TaxLine.objects.order_by("pk")
    return [(f"{row.rate.normalize():f}", row.taxable, row.amount) for row in rows]


def test_an_order_whose_prices_include_tax(germany: Address) -> None:
    make_coupon(percent_off=10)
    order = ordered(germany, *mug_and_book(), coupon_code="SAVE10")
    assert (order.status, order.subtotal, order.discount, order.shipping, order.total) == ("paid", 3000, 300, 490, 3190)
    assert (order.prices_include_tax, order.shipping_name) == (True, "Parcel")
    # 18.00 of mugs with 3.27 of the shipping at 19 %, 9.00 of books with 1.63 at 7 %.
    assert order.tax == 340 + 70
    assert taxes() == [("19", 1512, 288), ("7", 841, 59), ("19", 275, 52), ("7", 152, 11)]
    invoice = Invoice.objects.get()
    assert (invoice.tax, invoice.shipping_tax, invoice.total, invoice.coupon_code) == (410, 63, 3190, "SAVE10")
    assert list(InvoiceLine.objects.order_by("pk").values_list("discount", "tax")) == [(200, 288), (100, 59)]
    assert InvoiceTax.objects.count() == 4


def test_an_order_with_tax_on_top(germany: Address) -> None:
    order = ordered(germany, *mug_and_book("usd"))
    # 20.00 and 3.27 of shipping at 19 %: 4.42; 10.00 and 1.63 at 7 %: 0.81.
    assert (order.subtotal, order.shipping, order.tax, order.total) == (3000, 490, 442 + 81, 4013)
    assert not order.prices_include_tax


def test_an_item_and_the_shipping_are_refunded_with_their_taxes(germany: Address) -> None:
    order = ordered(germany, *mug_and_book())
    item = order.items.order_by("pk")[0]
    request = RefundRequest(lines=[(item.pk, 1)], shipping=True)
    refund(order_id=order.pk, request=request, at=NOW(), **WHY)
    part = settle(order)
    assert (part.amount_refunded, part.status) == (2490, "paid")
    assert sum(RefundAllocation.objects.filter(invoice_tax=None).values_list("amount", flat=True)) == 2490 - (
        sum(InvoiceTax.objects.values_list("refunded", flat=True))
    )
    line, shipping = InvoiceLine.objects.order_by("pk")[0], Invoice.objects.get()
    assert (line.refunded, line.refunded_quantity, shipping.shipping_refunded) == (line.net, 1, shipping.shipping_net)

    TaxRate.objects.update(percent=25)  # a refund's tax is that of the sale
    cancel(order_id=order.pk, at=NOW(), **WHY)
    assert settle(order).status == "canceled"
    assert all(tax.refunded == tax.amount for tax in InvoiceTax.objects.all())


def test_the_months_report_agrees_with_invoice_and_credit_note(germany: Address) -> None:
    order = ordered(germany, *mug_and_book())
    refund(
        order_id=order.pk,
        request=RefundRequest(lines=[(order.items.order_by("pk")[0].pk, 1)], shipping=True),
        at=NOW(),
        **WHY,
    )
    settle(order)
    invoice, note, month = Invoice.objects.get(), CreditNote.objects.get(), month_of(NOW())
    rows = tax_report(first=month, last=month)
    # 20.00 with 3.27 of the shipping at 19 %: 3.72; 10.00 with 1.63 at 7 %: 0.76, of it 0.65 on the book, which stays.
    assert [(row.label, row.sold_tax, row.taxable, row.tax) for row in rows] == [
        ("VAT 7 %", 76, 935, 65),
        ("VAT 19 %", 372, 0, 0),
    ]
    credited = document_of(note).taxes
    assert sum(tax.amount for tax in credited) == sum(row.credited_tax for row in rows) == invoice.tax - 65
    assert sum(row.taxable + row.tax for row in rows) == invoice.total - note.amount == 1000


def test_another_shipping_is_chosen_or_agreed(germany: Address) -> None:
    mug, _book = mug_and_book()
    express = ShippingRate.objects.get(name="Express", currency="eur")
    order = ordered(germany, mug, shipping=ShippingChoice(rate_id=express.pk))
    assert (order.shipping, order.shipping_name, order.shipping_cheapest) == (1290, "Express", 490)
    order = ordered(germany, mug, shipping=ShippingChoice(rate_id=express.pk, price=100), by=SYSTEM)
    assert (order.shipping, order.shipping_name, order.total) == (100, "Express", 2100)
    other = ShippingRate.objects.get(name="Express", currency="usd")
    with refused("unknown_shipping_rate"):
        ordered(germany, mug, shipping=ShippingChoice(rate_id=other.pk))
    elsewhere = make_address(germany.customer, country="FR", city="Paris", postal_code="75001")
    with refused("no_shipping_rate"):
        ordered(elsewhere, mug)


def test_a_custom_line_and_a_discount_by_hand(germany: Address) -> None:
    mug, _book = mug_and_book()
    engraving = CustomLine(description="Engraving", unit_price=500, currency="eur")
    wanted = wanted_by(germany.customer, mug, address_id=germany.pk)
    items = (
        LineRequest(sku_id=mug.pk, quantity=1, discount=Discount(percent_off=Decimal(10))),
        LineRequest(custom=engraving, quantity=2),
    )
    new_order = type(wanted)(
        **{name: getattr(wanted, name) for name in ("customer_id", "via", "token", "address_id")},
        items=items,
        discount=Discount(amount_off=280),
        discount_reason="Loyal customer",
    )
    order = place(new_order=new_order, by=SYSTEM, at=NOW())
    assert (order.subtotal, order.discount, order.manual_discount) == (3000, 480, 480)
    assert [(item.sku_code, item.amount, item.manual_discount) for item in order.items.order_by("pk")] == [
        ("MUG-RED", 2000, 380),
        ("", 1000, 100),
    ]
    assert (order.total, order.discount_reason) == (3000 - 480 + 490, "Loyal customer")
    assert order.invoice
    assert (order.invoice.manual_discount, order.invoice.discount_reason) == (480, "Loyal customer")


def test_an_order_paid_later_is_taxed_by_the_rate_of_that_day(germany: Address) -> None:
    mug, _book = mug_and_book("usd")
    order = ordered(germany, mug, token="pm_card_chargeDeclined")
    assert (order.tax, order.total) == (473, 2963)
    today = timezone.localdate()
    TaxRate.objects.filter(tax_category="standard").update(valid_until=date(2020, 1, 1))
    TaxRate.objects.create(country="DE", tax_category="standard", name="VAT", percent=16, valid_from=today)
    with refused("price_changed"):
        pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa")
    paid = pay(order_id=order.pk, by=ANA, at=NOW(), token="pm_card_visa", expected_total=2888)
    assert (paid.status, paid.tax, fresh(order).shipping) == ("paid", 398, 490)
    assert TaxLine.objects.values_list("rate", flat=True).distinct().get() == 16
    assert InvoiceTax.objects.filter(invoice=paid.invoice).values_list("rate", flat=True).distinct().get() == 16


def test_by_setting_an_order_paid_later_keeps_the_rate_of_its_own_day(germany: Address) -> None:
    ShopSettings.objects.update(tax_day="order")
    mug, _book = mug_and_book("usd")
    order = ordered(germany, mug, token="pm_card_chargeDeclined")
    today = timezone.localdate(order.created_at, ZoneInfo("Europe/Berlin"))
    TaxRate.objects.filter(tax_category="standard").update(valid_until=today)
    TaxRate.objects.create(
        country="DE", tax_category="standard", name="VAT", percent=16, valid_from=today + timedelta(days=1)
    )
    later = NOW() + timedelta(days=3)
    assert pay(order_id=order.pk, by=ANA, at=later, token="pm_card_visa").total == 2963


def statements(customer: Customer, sku: Sku, **fields: Any) -> int:
    with CaptureQueriesContext(connection) as queries:
        place(new_order=wanted_by(customer, sku, **fields), by=ANA, at=NOW())
    return len(queries)


def test_a_shop_without_taxes_and_zones_pays_one_statement_at_most_for_them() -> None:
    customer = make_customer()
    address = make_address(customer)
    digital, parcel = make_sku(), make_sku("TEE", shippable=True)
    statements(customer, digital)
    counted = statements(customer, digital), statements(customer, parcel, address_id=address.pk)
    # It was 54 and 55 before there were taxes and shipping; eight were found to be needless since. One queues the
    # document, and one the mail.
    assert counted == (48, 50)
