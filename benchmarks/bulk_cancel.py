"""Bulk cancel against a Stripe that takes 150 ms for a refund, and keeps a rate limit."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.conf import settings

from benchmarks.bulk_fulfill import create_job, run_to_end
from benchmarks.figures import Figure, seconds
from benchmarks.shop import Shop, fake_stripe
from benchmarks.stock import acts
from ecommerce.models import BulkJob, Order

SLOW = {"match": "POST /v1/refunds", "fault": "delay", "delay_ms": 150}
SECONDS = 24  # two windows of ten, and the ends
WINDOW = 10
STOCK_ORDERS = 20


class RateLimitExceededError(AssertionError):
    """More refunds were requested than the rate limit allows."""


def figures(shop: Shop, *, size: str, orders: int | None = None, stock_orders: int = STOCK_ORDERS) -> list[Figure]:
    limit = settings.STRIPE_MAX_REQUESTS_PER_SECOND
    ids = shop.sell((orders or limit * SECONDS) + stock_orders)
    our_ids, stock_ids = ids[stock_orders:], ids[:stock_orders]
    stripe = fake_stripe()
    before = {each["id"] for each in stripe.ledger()["refunds"]}
    stripe.faults(SLOW, webhooks="off")
    took = run_to_end(create_job(BulkJob.Action.CANCEL, shop.user, our_ids), processes=1)
    refunds = [each for each in stripe.ledger()["refunds"] if each["id"] not in before]
    _check_refunded_once(refunds, our_ids)
    stock = len(stock_ids) / seconds(lambda: acts.cancel(Order.objects.filter(pk__in=stock_ids), shop.user))
    stripe.faults(webhooks="off")
    by_second = Counter(int(each["created"]) for each in refunds)
    busiest = _busiest(by_second)
    if busiest > limit * WINDOW:
        raise RateLimitExceededError(f"{busiest} refunds within {WINDOW} s, where {limit} a second are allowed.")
    note = f"{len(our_ids):,} orders, stock on {len(stock_ids)}"
    share = f"limit {limit}/s; at most {busiest} of {limit * WINDOW} within any {WINDOW} s"
    return [
        Figure(name="bulk_cancel", size=size, unit="orders/s", value=len(our_ids) / took, stock=stock, note=note),
        Figure(
            name="bulk_cancel_limit",
            size=size,
            unit="share",
            value=_sustained(by_second, len(our_ids) / took) / limit,
            stock=stock / limit,
            note=share,
        ),
    ]


def _check_refunded_once(refunds: Sequence[dict[str, Any]], orders: Sequence[int]) -> None:
    by_payment = Counter(each["payment_intent"] for each in refunds)
    if len(by_payment) != len(orders) or set(by_payment.values()) != {1}:
        raise AssertionError(f"{len(refunds)} refunds of {len(by_payment)} payments for {len(orders)} orders.")


def _busiest(by_second: Counter[int]) -> int:
    return max(sum(by_second[first + second] for second in range(WINDOW)) for first in by_second)


def _sustained(by_second: Counter[int], otherwise: float) -> float:
    # Without the first and the last second, which are not whole.
    whole = range(min(by_second) + 1, max(by_second))
    return sum(by_second[second] for second in whole) / len(whole) if whole else otherwise
