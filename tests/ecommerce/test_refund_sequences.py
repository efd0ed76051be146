"""Any sequence of partial refunds of any order ends at exactly the payment, and never passes it on the way."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing import money
from ecommerce.pricing.errors import PricingError
from ecommerce.pricing.order import Line, Shipping, price
from ecommerce.pricing.refunds import (
    Cells,
    OrderCells,
    nothing,
    refund_of_amount,
    refund_of_items,
    refund_of_rest,
    refund_of_shipping,
)
from tests.support.examples import some_of
from tests.support.judge import Purse, take_amount
from tests.support.sales import Ordered, as_taxes, cells_of, orders

SOME = settings(
    max_examples=some_of(400),
)
part = st.integers(1, 100)
steps = st.lists(
    st.tuples(st.just("lines"), st.lists(st.tuples(part, part), min_size=1, max_size=4))
    | st.tuples(st.just("amount"), part)
    | st.tuples(st.just("shipping"), st.none()),
    max_size=10,
)


def amounts(cells: Cells) -> list[int]:
    return [cells.goods, *cells.taxes]


def purses(whole: OrderCells, step: int) -> tuple[list[Purse], Purse]:
    lines = [Purse([amount // step for amount in amounts(item)], item.units) for item in whole.items]
    return lines, Purse([amount // step for amount in amounts(whole.shipping)])


class Counter:
    """An order at the counter where refunds are asked for: the product beside the judge."""

    def __init__(self, order: Ordered) -> None:
        self.currency, self.step = order.totals.currency, order.step
        self.whole = self.left = cells_of(order.totals, order.lines)
        self.lines, self.shipping = purses(self.whole, order.step)

    def of_lines(self, wanted: list[tuple[int, int]]) -> OrderCells | None:
        """Give back some units of some lines: parts of a hundred, of the lines and of the units left."""
        quantities = {}
        for line, share in wanted:
            place = line % len(self.left.items)
            if units := self.left.items[place].units:
                quantities[place] = 1 + share * (units - 1) // 100
        if not quantities:
            return None
        back = refund_of_items(self.left, quantities, currency=self.currency)
        for place, item in enumerate(back.items):
            quantity = quantities.get(place, 0)
            taken = self.lines[place].take_units(quantity) if quantity else [0] * len(amounts(item))
            assert (amounts(item), item.units) == ([each * self.step for each in taken], quantity)
        assert back.shipping == nothing(self.left.shipping)
        return back

    def of_amount(self, share: int) -> OrderCells | None:
        """Give back so many hundredths of what is left."""
        wanted = self.left.total // self.step * share // 100
        if not wanted:
            return None
        back = refund_of_amount(self.left, wanted * self.step, currency=self.currency)
        taken, of_shipping = take_amount(self.lines, self.shipping, wanted)
        assert [amounts(item) for item in back.items] == [[each * self.step for each in line] for line in taken]
        assert amounts(back.shipping) == [each * self.step for each in of_shipping]
        assert back.total == wanted * self.step
        assert not any(item.units for item in back.items)
        # The shipping is reached only once no goods are left.
        assert not back.shipping.total or not any(item.total for item in self.left.less(back).items)
        return back

    def of_shipping(self, _all: None) -> OrderCells | None:
        """Give back all that is left of the shipping."""
        if not self.left.shipping.total:
            with pytest.raises(PricingError):
                refund_of_shipping(self.left)
            return None
        back = refund_of_shipping(self.left)
        assert back.shipping == self.left.shipping
        assert not any(item.total or item.units for item in back.items)
        self.shipping.take(self.shipping.left)
        return back

    def take(self, kind: str, wanted: Any) -> None:
        """Do one refund, and check what holds after each."""
        kinds: dict[str, Any] = {"lines": self.of_lines, "amount": self.of_amount, "shipping": self.of_shipping}
        back = kinds[kind](wanted)
        if back is None:
            return
        assert self.left.holds(back)
        assert all(
            amount >= 0 and money.is_on_step(amount, self.currency)
            for each in (*back.items, back.shipping)
            for amount in amounts(each)
        )
        self.left = self.left.less(back)


@SOME
@given(orders(most_lines=12), steps)
def test_any_sequence_of_refunds_ends_at_exactly_the_payment(order: Ordered, asked: list[tuple[str, Any]]) -> None:
    counter = Counter(order)
    for kind, wanted in asked:
        counter.take(kind, wanted)
    if counter.left.total:
        with pytest.raises(PricingError):
            refund_of_amount(counter.left, counter.left.total + order.step, currency=counter.currency)
        back = refund_of_rest(counter.left)
        counter.left = counter.left.less(back)
    assert not any(amount for each in (*counter.left.items, counter.left.shipping) for amount in amounts(each))
    with pytest.raises(PricingError):
        refund_of_rest(counter.left)


@SOME
@given(orders(most_lines=12), st.data())
def test_all_units_one_by_one_give_back_every_cell(order: Ordered, data: Any) -> None:
    left = cells_of(order.totals, order.lines)
    units = [place for place, item in enumerate(left.items) for _unit in range(item.units)]
    for place in data.draw(st.permutations(units)):
        left = left.less(refund_of_items(left, {place: 1}, currency=order.totals.currency))
    assert not any(amount for item in left.items for amount in amounts(item))


def test_after_goodwill_a_unit_is_worth_what_is_left_by_the_units_left() -> None:
    order = price([Line(unit_price=1000, quantity=2)], currency="eur")
    left = OrderCells(items=(Cells(goods=order.total, units=2),), shipping=Cells(goods=0))
    left = left.less(refund_of_amount(left, 500, currency="eur"))
    assert left.items[0] == Cells(goods=1500, units=2)
    assert refund_of_items(left, {0: 1}, currency="eur").total == 750
    assert refund_of_items(left, {0: 2}, currency="eur").total == 1500


@pytest.mark.parametrize("quantity", [0, -1, 3])
def test_more_units_than_are_left_are_refused(quantity: int) -> None:
    left = OrderCells(items=(Cells(goods=2000, units=2),), shipping=Cells(goods=0))
    with pytest.raises(PricingError) as refused:
        refund_of_items(left, {0: quantity}, currency="eur")
    assert refused.value.code == "invalid_quantity"


def test_an_amount_is_of_the_goods_first_with_their_tax() -> None:
    vat = as_taxes([("DE", "VAT", "19")])
    lines = [Line(unit_price=1000, quantity=1, taxes=vat), Line(unit_price=500, quantity=1)]
    order = price(lines, currency="eur", shipping=Shipping(price=490, taxes=vat))
    left = cells_of(order, lines)
    # 11.90 and 5.00 of goods with their tax; 4.90 and 0.93 of shipping.
    assert [item.total for item in left.items] == [1190, 500]
    assert left.shipping == Cells(goods=490, taxes=(93,))
    back = refund_of_amount(left, 845, currency="eur")
    assert [item.total for item in back.items] == [595, 250]
    assert back.items[0] == Cells(goods=500, taxes=(95,))
    assert back.shipping.total == 0
    left = left.less(back)
    back = refund_of_amount(left, 900, currency="eur")
    assert ([item.total for item in back.items], back.shipping.total) == ([595, 250], 55)
    assert back.shipping == Cells(goods=46, taxes=(9,))
