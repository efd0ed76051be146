"""Bulk cancel against a Stripe that takes 150 ms for a refund, and keeps a rate limit."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from benchmarks.figures import Figure, seconds
from benchmarks.fulfilling import a_job, work_off
from benchmarks.shop import Shop, fake_stripe
from benchmarks.stock import acts
from ecommerce.models import BulkJob, Order

SLOW = {"match": "POST /v1/refunds", "fault": "delay", "delay_ms": 150}
SECONDS = 24  # two spans of ten, and the ends
SPAN = 10
STOCK_ORDERS = 20


class TooFastError(AssertionError):
    """More refunds were asked for than the limit lets through."""


def figures(shop: Shop, *, size: str, orders: int | None = None, stock_orders: int = STOCK_ORDERS) -> list[Figure]:
    """Cancel orders in one process, as a job does; at stock, one after the other."""
    limit = settings.STRIPE_MAX_REQUESTS_PER_SECOND
    ids = shop.sell((orders or limit * SECONDS) + stock_orders)
    ours, few = ids[stock_orders:], ids[:stock_orders]
    stripe = fake_stripe()
    before = {each["id"] for each in stripe.ledger()["refunds"]}
    stripe.faults(SLOW, webhooks="off")
    took = work_off(a_job(BulkJob.Action.CANCEL, shop.user, ours), processes=1)
    refunds = [each for each in stripe.ledger()["refunds"] if each["id"] not in before]
    _check(refunds, ours)
    stock = len(few) / seconds(lambda: acts.cancel(Order.objects.filter(pk__in=few), shop.user))
    stripe.faults(webhooks="off")
    by_second = Counter(int(each["created"]) for each in refunds)
    busiest = _busiest(by_second)
    if busiest > limit * SPAN:
        raise TooFastError(f"{busiest} refunds within {SPAN} s, where {limit} a second are allowed.")
    note = f"{len(ours):,} orders, stock on {len(few)}"
    share = f"limit {limit}/s; at most {busiest} of {limit * SPAN} within any {SPAN} s"
    return [
        Figure(name="bulk_cancel", size=size, unit="orders/s", value=len(ours) / took, stock=stock, note=note),
        Figure(
            name="bulk_cancel_limit",
            size=size,
            unit="share",
            value=_sustained(by_second, len(ours) / took) / limit,
            stock=stock / limit,
            note=share,
        ),
    ]


def _check(refunds: Sequence[dict[str, Any]], orders: Sequence[int]) -> None:
    """Make sure that each order was refunded once."""
    of = Counter(each["payment_intent"] for each in refunds)
    if len(of) != len(orders) or set(of.values()) != {1}:
        raise AssertionError(f"{len(refunds)} refunds of {len(of)} payments for {len(orders)} orders.")


def _busiest(by_second: Counter[int]) -> int:
    """Give the most refunds within any ten seconds."""
    return max(sum(by_second[begin + second] for second in range(SPAN)) for begin in by_second)


def _sustained(by_second: Counter[int], otherwise: float) -> float:
    """Give the refunds a second between the first and the last second, which are begun and ended in the middle."""
    whole = range(min(by_second) + 1, max(by_second))
    return sum(by_second[second] for second in whole) / len(whole) if whole else otherwise
