"""Thousands of orders of every shape: each comes to what the judge, a second implementation, says."""

from fractions import Fraction

from hypothesis import given, settings

from billing import money
from ecommerce.pricing.order import PricedTax, Totals
from ecommerce.pricing.taxes import Tax
from tests.support.examples import some_of
from tests.support.judge import Rate, Verdict, judge
from tests.support.sales import Ordered, cells_of, orders

MANY = settings(max_examples=some_of(400))


def laid(totals: Totals) -> list[tuple[PricedTax, ...]]:
    """The taxes of each line, then those of the shipping."""
    return [*(line.taxes for line in totals.lines), totals.shipping_taxes]


def as_rate(tax: Tax) -> Rate:
    return Rate(tax.country, tax.name, Fraction(tax.percent))


def natural(order: Ordered, verdict: Verdict) -> bool:
    """Whether no cell would have to give more tax than its price: only included taxes of a step or two could."""
    prices = [
        *(line.listed - off for line, off in zip(order.sale.lines, verdict.discounts, strict=True)),
        *(part for part, _rates in verdict.parts),
    ]
    inside = [0] * len(prices)
    for (place, _rate), amount in verdict.cells.items():
        inside[place] += amount
    return not order.sale.included or all(tax <= paid for tax, paid in zip(inside, prices, strict=True))


@MANY
@given(orders())
def test_an_order_comes_to_what_the_judge_says(order: Ordered) -> None:
    totals, verdict, step = order.totals, judge(order.sale), order.step
    assert [line.discount for line in totals.lines] == [off * step for off in verdict.discounts]
    assert [line.manual_discount for line in totals.lines] == [off * step for off in verdict.manual]
    assert (totals.total, totals.discount) == (verdict.total * step, sum(verdict.discounts) * step)
    assert {as_rate(tax.tax): (tax.taxable, tax.amount) for tax in totals.taxes} == {
        rate: (verdict.bases[rate] * step, amount * step) for rate, amount in verdict.taxes.items()
    }
    if natural(order, verdict):
        for place, line in enumerate(totals.lines):
            assert [tax.amount for tax in line.taxes] == [
                verdict.cells[place, as_rate(tax.tax)] * step for tax in line.taxes
            ]
        shares = [
            verdict.cells[len(totals.lines) + place, rate] * step
            for place, (_part, rates) in enumerate(verdict.parts)
            for rate in rates
        ]
        assert [tax.amount for tax in totals.shipping_taxes] == shares


@MANY
@given(orders())
def test_cells_add_up_to_the_total_on_the_step(order: Ordered) -> None:
    totals = order.totals
    whole = cells_of(totals, order.lines)
    cells = [amount for each in (*whole.items, whole.shipping) for amount in (each.goods, *each.taxes)]
    assert sum(cells) == whole.total == totals.total
    assert all(amount >= 0 and money.is_on_step(amount, totals.currency) for amount in cells)
    assert totals.tax == sum(tax.amount for taxes in laid(totals) for tax in taxes)
    assert totals.tax - totals.shipping_tax == sum(tax.amount for line in totals.lines for tax in line.taxes)
    assert totals.discount == sum(line.discount for line in totals.lines)
    tax = 0 if totals.prices_include_tax else totals.tax
    assert totals.total == totals.subtotal - totals.discount + totals.shipping + tax
