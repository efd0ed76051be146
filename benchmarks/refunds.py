"""A refund of one item of an order, from its request until Stripe's answer is applied, without Stripe's own time."""

import statistics
import time
from unittest import mock

from backoffice import database_clock
from benchmarks.api_orders import Stopwatch
from benchmarks.figures import WARM_UP, Figure
from benchmarks.shop import Shop, without_rate_limit
from billing import gateway
from customers.actors import Actor
from ecommerce.models import Order
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.tasks import execute_act


def figures(shop: Shop, *, size: str, rounds: int) -> list[Figure]:
    orders = shop.sell(rounds + WARM_UP)
    calls = Stopwatch(gateway.create_refund)
    with mock.patch.object(gateway, "create_refund", calls), without_rate_limit():
        times = [_seconds(shop, order_id, calls) for order_id in orders][WARM_UP:]
    note = "request, allocations, credit note; without Stripe's time"
    return [Figure(name="refund_lines", size=size, unit="ms", value=statistics.median(times) * 1000, note=note)]


def _seconds(shop: Shop, order_id: int, calls: Stopwatch) -> float:
    item = Order.objects.get(pk=order_id).items.get()
    before, started = calls.seconds, time.perf_counter()
    by, at = Actor.staff(shop.user), database_clock.now()
    order = refund(order_id=order_id, request=RefundRequest(lines=[(item.pk, 1)]), reason="", by=by, at=at)
    execute_act(act_id=order.acts.get(closed_at=None).pk)
    order.refresh_from_db()
    if order.amount_refunded != item.amount:
        raise AssertionError(f"Order {order} was not refunded: {order.money_state}.")
    return time.perf_counter() - started - (calls.seconds - before)
