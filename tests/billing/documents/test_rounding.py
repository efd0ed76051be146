"""Taxes that were rounded line by line, in the XML: near enough to their rates, and the same price."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest

from billing import money
from billing.documents.document import DocumentLine, InvoiceDocument
from billing.documents.terms import Terms, business_terms
from tests.billing.documents.test_e_invoices import broken
from tests.support.documents import a_credit_note, a_line, an_invoice, vat


def taxed(prices: Sequence[int], rate: str, currency: str, *, included: bool) -> list[Fraction]:
    percent = Fraction(rate)
    return [price * percent / (100 + percent if included else 100) for price in prices]


def lines_of(prices: Sequence[int], taxes: Sequence[int], rate: str, *, included: bool) -> list[DocumentLine]:
    lines = []
    for position, (price, tax) in enumerate(zip(prices, taxes, strict=True), start=1):
        net = price - tax if included else price
        line = a_line(net, tax, position=position, taxes=(vat(net, tax, rate=rate),))
        lines.append(replace(line, unit_price=price, amount=price))
    return lines


def invoice_by_line(prices: Sequence[int], rate: str, currency: str, *, included: bool) -> InvoiceDocument:
    """An invoice whose tax was rounded on each line, as Stripe does."""
    taxes = [money.round_to_step(tax, currency) for tax in taxed(prices, rate, currency, included=included)]
    lines = lines_of(prices, taxes, rate, included=included)
    return an_invoice(*lines, currency=currency, prices_include_tax=included)


def note_of_dear_ones(prices: Sequence[int], rate: str, currency: str, *, included: bool) -> InvoiceDocument:
    """A credit note of those lines alone whose tax was rounded up."""
    step = money.currency(currency).step
    exact = taxed(prices, rate, currency, included=included)
    up = [(price, -(-tax // step) * step) for price, tax in zip(prices, exact, strict=True) if tax % step]
    lines = lines_of([price for price, _ in up], [tax for _, tax in up], rate, included=included)
    return a_credit_note(*lines, currency=currency, prices_include_tax=included)


def prices_in(currency: str, *, seed: str) -> list[int]:
    random, step = Random(seed), money.currency(currency).step
    return [random.choice((3, 14, 55, 7, random.randint(1, 5000))) * step for _ in range(12)]


def notes(terms: Terms) -> list[str]:
    return [note["BT-22"] for note in terms["BG-1"] if note]


def paid(terms: Terms) -> tuple[str, str]:
    return terms["BT-112"], terms["BT-113"]


@pytest.mark.parametrize("included", [False, True], ids=["plus tax", "with tax"])
@pytest.mark.parametrize("rate", ["1", "5.5", "10", "19", "25.5", "27"])
@pytest.mark.parametrize("currency", ["jpy", "krw", "isk", "kwd", "eur"])
def test_in_every_currency_and_at_every_rate_the_rules_are_kept(*, currency: str, rate: str, included: bool) -> None:
    prices = prices_in(currency, seed=f"{rate} {included}")
    for document in (
        invoice_by_line(prices, rate, currency, included=included),
        note_of_dear_ones(prices, rate, currency, included=included),
    ):
        assert broken(document) == {}


def test_what_goes_back_is_parted_as_the_rate_does_in_whole_yen_and_a_note_says_what_was_charged() -> None:
    # Ten lines of 14 yen had a tax of 14 together: four of them have 2 each, and these come back.
    note = a_credit_note(*lines_of([14] * 4, [2] * 4, "10", included=False), currency="jpy")
    terms = business_terms(note)
    assert [(each["BT-116"], each["BT-117"]) for each in terms["BG-23"]] == [("58", "6")]
    assert [each["BT-131"] for each in terms["BG-25"]] == ["15", "14", "15", "14"]
    assert (terms["BT-106"], terms["BT-109"], terms["BT-110"], *paid(terms)) == ("58", "58", "6", "64", "64")
    assert notes(terms) == ["The tax at 10 % is stated as its rate gives it: rounded line by line it is JPY 8."]
    assert (note.net, note.tax) == (56, 8)


def test_a_rate_that_is_near_enough_stays_as_it_was_charged_beside_one_that_is_not() -> None:
    far = lines_of([14] * 4, [2] * 4, "10", included=False)
    near = a_line(1003, 190, position=5)
    terms = business_terms(a_credit_note(*far, near, currency="jpy"))
    assert [(each["BT-116"], each["BT-117"]) for each in terms["BG-23"]] == [("58", "6"), ("1003", "190")]
    assert len(notes(terms)) == 1


def test_cents_of_hundreds_of_lines_are_parted_as_well() -> None:
    invoice = invoice_by_line([100] * 250, "5.5", "eur", included=False)
    assert invoice.tax - Fraction("5.5") * invoice.net / 100 == 125
    assert broken(invoice) == {}
    assert paid(business_terms(invoice)) == ("265.00", "265.00")


def test_a_fee_that_is_kept_is_parted_with_what_goes_back() -> None:
    fee = replace(a_line(-14, -1, quantity=-1, position=9, taxes=(vat(-14, -1, rate="10"),)), unit_price=14)
    note = a_credit_note(*lines_of([14] * 8, [2] * 8, "10", included=False), fee, currency="jpy")
    terms = business_terms(note)
    assert broken(note) == {}
    assert sum(int(each["BT-131"]) for each in terms["BG-25"]) == int(terms["BT-109"]) == 103
    assert paid(terms) == ("113", "113")


@pytest.mark.parametrize(("currency", "tax"), [("jpy", 203), ("eur", 480), ("isk", 39000)])
def test_what_no_rounding_explains_is_still_a_fault(currency: str, tax: int) -> None:
    net = 200_000 if currency == "isk" else 1000 if currency == "jpy" else 2000
    document = an_invoice(a_line(net, tax, taxes=(vat(net, tax),)), currency=currency)
    assert any("BR-S-09" in rules for rules in broken(document))
