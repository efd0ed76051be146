"""Orders worked out by hand, priced, and some of them charged and refunded: each figure stands in its sum."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from django.utils import timezone

from billing.models import Invoice, Payment
from customers.models import Address
from ecommerce.models import Order, ShopSettings, TaxLine, TaxRate
from ecommerce.orders.allocations import read_cells
from ecommerce.orders.place import place
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.pricing.order import CouponTerms, Line, Shipping, Totals, price
from ecommerce.pricing.refunds import Cells
from tests.support.factories import ANA, make_address, make_customer, make_sku, wanted_by
from tests.support.order_acts import settle
from tests.support.sales import as_taxes
from tests.support.sold import sold

VAT19, VAT7 = as_taxes([("DE", "VAT", "19")]), as_taxes([("DE", "VAT", "7")])
WASHINGTON = as_taxes([("US", "State", "6.5"), ("US", "County", "0.4"), ("US", "City", "1.4")])
WHY: dict[str, Any] = {"reason": "Came broken", "by": ANA}


def fixed(amount: int, currency: str = "eur") -> CouponTerms:
    return CouponTerms(code="MINUS", amount_off=amount, currency=currency)


def taxes(totals: Totals) -> list[tuple[str, int, int]]:
    return [(f"{each.tax.percent:f}", each.taxable, each.amount) for each in totals.taxes]


def part(order: Order, **request: Any) -> int:
    before = Payment.objects.get().refunds
    refund(order_id=order.pk, request=RefundRequest(**request), at=timezone.now(), **WHY)
    settle(order)
    return Payment.objects.get().refunds - before


@pytest.mark.django_db
@pytest.mark.usefixtures("balanced")
def test_inclusive_prices_and_a_fixed_coupon_of_which_three_of_five_lines_come_back() -> None:
    lines = [
        Line(unit_price=1999, quantity=1, taxes=VAT19),
        Line(unit_price=500, quantity=2, taxes=VAT7),
        Line(unit_price=1250, quantity=1, taxes=VAT19),
        Line(unit_price=333, quantity=3, taxes=VAT7),
        Line(unit_price=4900, quantity=1, taxes=VAT19),
    ]
    totals = price(lines, currency="eur", coupon=fixed(1000), prices_include_tax=True)
    # Of 101.48: 1.96984, 0.98541, 1.23177, 0.98443, 4.82854; the three cents left go to the first, fifth and second.
    assert [line.discount for line in totals.lines] == [197, 99, 123, 98, 483]
    # 18.02 + 11.27 + 44.17 = 73.46 x 19/119 = 11.7289; 9.01 + 9.01 = 18.02 x 7/107 = 1.1789.
    assert taxes(totals) == [("19", 6173, 1173), ("7", 1684, 118)]
    # 2.8771, 1.7994, 7.0524: two cents left, for the third line and the first; 0.5894 twice.
    assert [line.taxes[0].amount for line in totals.lines] == [288, 59, 180, 59, 705]
    order = sold(totals, lines)
    items = list(order.items.order_by("pk").values_list("pk", flat=True))
    assert part(order, lines=[(items[1], 2), (items[2], 1), (items[4], 1)]) == 901 + 1127 + 4417
    left = read_cells(Invoice.objects.get()).left
    assert [(item.goods, item.taxes, item.units) for item in left.items] == [
        (1514, (288,), 1),
        (0, (0,), 0),
        (0, (0,), 0),
        (842, (59,), 3),
        (0, (0,), 0),
    ]
    # One of three at 9.01 is 3.00, of which 0.1965 is tax.
    assert part(order, lines=[(items[3], 1)]) == 300
    assert read_cells(Invoice.objects.get()).left.items[3] == Cells(goods=562, taxes=(39,), units=2)
    assert part(order, rest=True) == 1802 + 601


def test_rates_that_a_law_adds_before_it_rounds_are_a_cent_less() -> None:
    lines = [Line(unit_price=2000, quantity=1, taxes=WASHINGTON), Line(unit_price=150, quantity=1, taxes=WASHINGTON)]
    stacked = price(lines, currency="usd", stacked=["US"])
    # 21.50 at 8.3 % is 1.7845; of 1.3975, 0.086 and 0.301 the first is rounded up.
    assert (stacked.tax, stacked.total) == (178, 2328)
    assert taxes(stacked) == [("6.5", 2150, 140), ("0.4", 2150, 8), ("1.4", 2150, 30)]
    # 1.30 and 0.0975; 0.08 and 0.006; 0.28 and 0.021.
    assert [[tax.amount for tax in line.taxes] for line in stacked.lines] == [[130, 8, 28], [10, 0, 2]]
    each = price(lines, currency="usd")
    assert ([amount for *_of, amount in taxes(each)], each.total) == ([140, 9, 30], 2329)


def test_only_the_taxes_of_the_country_of_that_law_are_added() -> None:
    # To New York, and a download of a customer in Germany.
    lines = [
        Line(unit_price=1110, quantity=1, taxes=as_taxes([("US", "State", "4"), ("US", "City", "4.5")])),
        Line(unit_price=55, quantity=1, taxes=VAT19),
    ]
    # 0.444 + 0.4995 = 0.9435 is 0.94: 0.44 and 0.50. 0.55 at 19 % is 0.1045: 0.10. All added, 1.048 would be 1.05.
    totals = price(lines, currency="usd", stacked={"US", "PR"})
    assert [amount for *_of, amount in taxes(totals)] == [44, 50, 10]


@pytest.mark.parametrize(
    ("rule", "expected", "total"),
    [
        # Of 4.90 at 19 %: 14.90 x 0.19 = 2.831, 20.00 x 0.07.
        ("highest", [("7", 2000, 140), ("19", 1490, 283)], 3913),
        # At its own 7 %: 24.90 x 0.07 = 1.743.
        ("own", [("7", 2490, 174), ("19", 1000, 190)], 3854),
        # 3.2667 and 1.6333: 23.27 x 0.07 = 1.6289, 11.63 x 0.19 = 2.2097.
        ("share", [("7", 2327, 163), ("19", 1163, 221)], 3874),
    ],
)
def test_shipping_is_taxed_by_each_rule(
    rule: Literal["highest", "own", "share"], expected: list[tuple[str, int, int]], total: int
) -> None:
    book, mug = Line(unit_price=2000, quantity=1, taxes=VAT7), Line(unit_price=1000, quantity=1, taxes=VAT19)
    totals = price([book, mug], currency="eur", shipping=Shipping(price=490, taxes=VAT7, rule=rule))
    assert (taxes(totals), totals.total) == (expected, total)


def test_shipping_beside_samples_that_never_cost_anything_is_taxed_by_their_number() -> None:
    lines = [Line(unit_price=0, quantity=3, taxes=VAT19), Line(unit_price=0, quantity=1, taxes=VAT7)]
    totals = price(lines, currency="eur", shipping=Shipping(price=400, rule="share"))
    assert taxes(totals) == [("19", 300, 57), ("7", 100, 7)]
    assert totals.total == 464


def test_a_discount_larger_than_its_line_takes_all_of_it_and_no_more() -> None:
    twenty = as_taxes([("GB", "VAT", "20")])
    lines = [
        Line(unit_price=500, quantity=1, discount=800, taxes=twenty),
        Line(unit_price=1000, quantity=1, taxes=twenty),
    ]
    totals = price(lines, currency="gbp", coupon=fixed(100, "gbp"))
    assert [line.discount for line in totals.lines] == [500, 100]
    assert (taxes(totals), totals.total) == ([("20", 900, 180)], 1080)


@pytest.mark.parametrize(
    ("off", "shares"), [(1, [1, 0, 0]), (2, [1, 1, 0]), (100, [34, 33, 33]), (2999, [1000, 1000, 999])]
)
def test_a_cent_that_three_lines_can_not_share_is_that_of_the_earlier(off: int, shares: list[int]) -> None:
    lines = [Line(unit_price=1000, quantity=1)] * 3
    totals = price(lines, currency="eur", coupon=fixed(off), shipping=Shipping(price=100))
    assert [line.discount for line in totals.lines] == shares


@pytest.mark.django_db
@pytest.mark.usefixtures("balanced")
def test_all_goods_free_by_coupon_and_the_shipping_paid() -> None:
    lines = [Line(unit_price=3000, quantity=1, taxes=VAT19), Line(unit_price=1000, quantity=2, taxes=VAT7)]
    all_off = CouponTerms(code="FREE", percent_off=Decimal(100))
    shipping = Shipping(price=500, rule="share")
    totals = price(lines, currency="eur", coupon=all_off, shipping=shipping, prices_include_tax=True)
    # By what the goods would have cost: 3.00 x 19/119 = 0.4790, 2.00 x 7/107 = 0.1308.
    assert (taxes(totals), totals.total) == ([("19", 252, 48), ("7", 187, 13)], 500)
    order = sold(totals, lines)
    item = order.items.earliest("pk")
    with pytest.raises(Exception, match="Nothing is left"):
        part(order, lines=[(item.pk, 1)])
    # No goods are left, so that an amount is of the shipping: 4.39, 0.48 and 0.13 in proportion.
    assert part(order, amount=100) == 100
    assert read_cells(Invoice.objects.get()).left.shipping == Cells(goods=351, taxes=(38, 11))
    assert part(order, shipping=True) == 400


@pytest.fixture
def german_shop(db: None, balanced: Any) -> Address:
    ShopSettings.objects.update(country="DE", tax_id="DE136695976", tax_included_currencies=[])
    TaxRate.objects.create(country="DE", tax_category="standard", name="VAT", percent=19, valid_until=date(2027, 6, 30))
    TaxRate.objects.create(country="DE", tax_category="standard", name="VAT", percent=16, valid_from=date(2027, 7, 1))
    TaxRate.objects.create(country="FR", tax_category="standard", name="VAT", percent=20)
    return make_address(make_customer(), country="DE", postal_code="10115", city="Berlin")


def ordered(address: Address, *, at: datetime | None = None) -> tuple[Order, list[tuple[str, int, str]]]:
    sku = make_sku(f"MUG-{Order.objects.count()}", shippable=True, price=9800, currency="eur")
    order = place(
        new_order=wanted_by(address.customer, sku, address_id=address.pk),
        by=ANA,
        at=at or datetime(2027, 3, 1, tzinfo=UTC),
    )
    rows = TaxLine.objects.filter(order=order).order_by("pk")
    return order, [(row.category, row.amount, row.reason) for row in rows]


def test_an_exempt_customer_in_a_country_that_taxes(german_shop: Address) -> None:
    customer = german_shop.customer
    assert ordered(german_shop)[1] == [("S", 1862, "")]
    customer.tax_exempt, customer.tax_exempt_reason = True, "Embassy of France"
    customer.save()
    order, (tax,) = ordered(german_shop)
    assert (order.total, tax[:2]) == (9800, ("E", 0))
    assert "Embassy of France" in tax[2]


def test_goods_for_a_business_of_another_member_state(german_shop: Address) -> None:
    customer = german_shop.customer
    paris = make_address(customer, country="FR", postal_code="75008", city="Paris")
    assert ordered(paris)[1] == [("S", 1960, "")]
    customer.tax_id = "FR40303265045"
    customer.save()
    order, (tax,) = ordered(paris)
    assert (order.total, tax[:2]) == (9800, ("K", 0))
    assert tax[2]


@pytest.mark.parametrize(
    ("at", "tax"),
    [
        # Midnight in Berlin is two hours before that of UTC in summer.
        (datetime(2027, 6, 30, 21, 59, 59, tzinfo=UTC), 1862),
        (datetime(2027, 6, 30, 22, 0, 0, tzinfo=UTC), 1568),
    ],
)
def test_a_sale_a_second_before_the_rate_changes_and_a_second_later(
    german_shop: Address, at: datetime, tax: int
) -> None:
    assert ordered(german_shop, at=at)[1] == [("S", tax, "")]
