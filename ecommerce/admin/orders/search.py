"""Order search: numbers, e-mails and Stripe's ids, each through its own index; else words, and what a text may be."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Self

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Lower

from backoffice.list_tabs import BOUND
from billing.admin.search import credit_note_number, invoice_numbers
from billing.models import CreditNote, Invoice, Payment, Refund
from billing.search_terms import TypedCard, typed_amount, typed_card, typed_numbers
from customers.models import Customer
from customers.search import Code, Matches, MatchesWithoutIndex, clean_text
from ecommerce.models import Coupon, Fulfillment, Order, OrderTag, OrderWords, Return, Tag
from ecommerce.models.id_arrays import Among
from ecommerce.models.order_queryset import OrderQuerySet
from ecommerce.shipping.carriers import normalize_number

MAX_IDS = 200  # a few letters of a Stripe id match very many; the newest are shown
MIN_CODE_LENGTH = 6


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The orders that match.

    Where very many match, `sample` holds the first of them, to be counted, and `scan` finds the same orders one by one
    from the newest on, which is quick to page through.
    At a million orders, of which 20,000 match: 13 ms to count, where all take 50, and 1 ms a page, where that took 100.
    """

    orders: OrderQuerySet
    sample: OrderQuerySet
    scan: OrderQuerySet

    @classmethod
    def of(cls, orders: OrderQuerySet) -> Self:
        return cls(orders, orders, orders)

    @property
    def is_sampled(self) -> bool:
        return self.sample is not self.orders


Finder = Callable[[str], Q | None]


def search(orders: OrderQuerySet, text: str) -> SearchResult:
    text = clean_text(text)
    if not text:
        return SearchResult.of(orders)
    found = next((found for finder in FINDERS if (found := finder(text)) is not None), None)
    if found is not None:
        return _bounded(orders, [found])
    result = _with_words(orders, text, folded=False)
    # Nobody has these accents: the name was typed with others, or is stored without.
    is_in_vain = not text.isascii() and not result.is_sampled and not result.sample.exists()
    return _with_words(orders, text, folded=True) if is_in_vain else result


def by_numbers(text: str) -> Q | None:
    """Digits that are no order's number may be a phone's, or part of a SKU code."""
    numbers = typed_numbers(text)
    if not numbers or (len(numbers) > 1 and by_phone(text)):
        return None
    return Q(number__in=numbers) if Order.objects.filter(number__in=numbers).exists() else None


def by_return(text: str) -> Q | None:
    match = re.fullmatch(r"rma[\s_-]*0*([0-9]{1,15})", text, re.IGNORECASE)
    return Q(pk__in=Return.objects.filter(number=f"RMA-{match[1]}").values("order")) if match else None


def by_email(text: str) -> Q | None:
    if not re.fullmatch(r"[^\s@]+@[^\s@]+", text):
        return None
    customer_id = Customer.objects.with_email(text).values_list("pk", flat=True).first()
    return Q(customer_id=customer_id) if customer_id else None


def by_invoices(text: str) -> Q | None:
    numbers = invoice_numbers(text)
    return _of_invoices(Invoice.objects.filter(number__in=numbers), "pk") if numbers else None


def by_credit_note(text: str) -> Q | None:
    number = credit_note_number(text)
    return _of_invoices(CreditNote.objects.filter(number=number), "invoice_id") if number else None


def by_stripe_id(text: str) -> Q | None:
    match = re.fullmatch(r"(pi|ch|py|re|pyr|cus)_\w+", text)
    if match is None:
        return None
    if match[1] == "cus":
        return Q(customer__stripe_customer_id=text)
    if match[1] in {"re", "pyr"}:
        return _of_invoices(Refund.objects.filter(stripe_refund_id__startswith=text), "payment__invoice_id")
    column = "stripe_payment_intent_id" if match[1] == "pi" else "stripe_charge_id"
    return _of_invoices(Payment.objects.filter(**{f"{column}__startswith": text}), "invoice_id")


def by_card(text: str) -> Q | None:
    """Find "Visa •••• 4242"; four digits alone may be anything."""
    card = typed_card(text)
    return _paid_with(card) if card and card.is_certain else None


def by_phone(text: str) -> Q | None:
    customers = list(Customer.objects.with_phone(text).values_list("pk", flat=True)[:MAX_IDS])
    return Q(customer_id__in=customers) if customers else None


def by_coupon(text: str) -> Q | None:
    coupon = Coupon.objects.called(text)
    return Q(coupon=coupon) if coupon else None


def by_tracking_number(text: str) -> Q | None:
    if len(text) < MIN_CODE_LENGTH or not re.search("[0-9]", text) or "@" in text:
        return None
    sent = Fulfillment.objects.exclude(tracking_number="").alias(code=Code("tracking_number"))
    found = list(sent.filter(code__startswith=Code(Value(text))).values_list("order_id", flat=True)[:MAX_IDS])
    # Those of parcels with several numbers are kept as carriers write them, and found whole.
    spellings = {normalize_number(text), normalize_number(text.replace("-", ""))}
    further = [Q(further_tracking_numbers__contains=[number]) for number in spellings]
    several = Fulfillment.objects.exclude(further_tracking_numbers=[]).filter(reduce(or_, further))
    found += several.values_list("order_id", flat=True)[:MAX_IDS]
    return Q(pk__in=found) if found else None


def by_four_digits(text: str) -> Q | None:
    card = typed_card(text)
    return _paid_with(card) if card else None


def by_tag(text: str) -> Q | None:
    """Find "tag:fragile"; the tag's name alone is asked for beside the words."""
    match = re.fullmatch(r"tag:\s*\"?(.+?)\"?", text, re.IGNORECASE)
    return _tagged(match[1]) or Q(pk=None) if match else None


def by_tag_name(text: str) -> Q | None:
    return _tagged(text)


def _tagged(name: str) -> Q | None:
    tag = Tag.objects.alias(lowered=Lower("name")).filter(lowered=name.lower()).first()
    return Q(pk__in=OrderTag.objects.filter(tag=tag).values("order_id")) if tag else None


def by_amount(text: str) -> Q | None:
    return typed_amount(text, "total")


# The first that finds something; and those asked beside the words, because a text can be all of them.
FINDERS: tuple[Finder, ...] = (
    *(by_tag, by_numbers, by_return, by_invoices, by_credit_note),
    *(by_stripe_id, by_email, by_card),
)
BESIDE_WORDS: tuple[Finder, ...] = (
    *(by_phone, by_coupon, by_tag_name),
    *(by_tracking_number, by_four_digits, by_amount),
)


def _paid_with(card: TypedCard) -> Q:
    return Q(invoice__in=Payment.objects.filter(card.query("card__")).values("invoice_id"))


def _of_invoices(operations: QuerySet[Any], column: str) -> Q:
    # Evaluated first, so that the planner knows how few they are.
    return Q(invoice_id__in=list(operations.order_by("-pk").values_list(column, flat=True)[:MAX_IDS]))


def _with_words(orders: OrderQuerySet, text: str, *, folded: bool) -> SearchResult:
    """All words must match among number, e-mail, names, SKUs, products and place; the last as a prefix."""
    matching = OrderWords.objects.filter(Matches(F("words"), text, folded=folded)).values_list("order_id", flat=True)
    checked = Exists(
        OrderWords.objects.filter(MatchesWithoutIndex(F("words"), text, folded=folded), order_id=OuterRef("pk"))
    )
    beside = [found for finder in BESIDE_WORDS if (found := finder(text)) is not None]
    return _bounded(orders, beside, words=(matching, Q(checked)))


def _bounded(
    orders: OrderQuerySet, conditions: list[Q], *, words: tuple[QuerySet[OrderWords, int], Q] | None = None
) -> SearchResult:
    """`words` is a pair: the ids of the orders that match, and a condition that checks one order."""
    found = [Order.objects.filter(each).values_list("pk", flat=True) for each in conditions]
    if words is not None:
        found.insert(0, words[0])  # type: ignore[arg-type]
    # The planner estimates prefixes badly. Few matches are passed by id; for very many, each order from the newest on
    # is checked.
    first = list(dict.fromkeys(pk for each in found for pk in each[: BOUND + 1]))[: BOUND + 1]
    sample = orders.filter(Among(first))
    if len(first) <= BOUND:
        return SearchResult.of(sample)
    everything = found[0].union(*found[1:]) if len(found) > 1 else found[0]
    scan = orders.filter(reduce(or_, [*conditions, *([words[1]] if words else [])]))
    return SearchResult(orders.filter(pk__in=everything), sample, scan)
