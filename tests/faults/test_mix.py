"""A seeded mix of everything: orders placed, paid again, fulfilled, canceled, returned and refunded, while programs are
killed, services restarted, and Stripe misbehaves. Afterwards nobody touches anything, and both books agree."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone

from billing.models import Refund
from ecommerce.models import Coupon, Order, OrderAct, Sku
from ecommerce.orders.fulfilling import fulfill
from ecommerce.orders.paying import pay
from ecommerce.orders.refusals import OrderRefused
from ecommerce.orders.undoing import cancel, refund, take_back
from ecommerce.tasks import ring, settle_act
from tests.factories import ANA, make_coupon, make_customer, make_sku, place_order
from tests.faults.conftest import House

pytestmark = pytest.mark.django_db(transaction=True)
WITHIN = 75 + 15  # seconds in which all is settled by itself, and the last leases of killed processes have run out
CARDS = ("pm_card_visa",) * 8 + ("pm_card_chargeDeclined", "pm_card_pendingRefund")
FAULTS: list[dict[str, Any]] = [
    {"match": "POST /v1/refunds", "fault": "drop_after", "probability": 0.3},
    {"match": "POST /v1/refunds", "fault": "drop_before", "probability": 0.3},
    {"match": "POST /v1/payment_intents", "fault": "drop_after", "probability": 0.3},
    {"match": "POST /v1/payment_intents", "fault": "drop_before", "probability": 0.2},
    {"match": "POST /v1/", "fault": "status", "status": 500, "probability": 0.2},
    {"match": "POST /v1/", "fault": "status", "status": 429, "probability": 0.5},
    {"match": "GET /v1/", "fault": "status", "status": 503, "probability": 0.3},
    {"match": "POST /v1/", "fault": "delay", "delay_ms": 300, "probability": 0.5},
]


class Chaos:
    """Breaks one thing after another. In the main thread: a program dies with the thread that started it."""

    def __init__(self, house: House, seed: int) -> None:
        self.house, self.dice = house, random.Random(seed)
        self.worker = house.worker()
        self.broken: Counter[str] = Counter()

    def until(self, over: Callable[[], bool]) -> None:
        """Break things until it is over, then leave all services up."""
        while not over():
            time.sleep(self.dice.uniform(0.3, 1.5))
            breaking = self.dice.choices(
                (self.faults, self.kill_worker, self.empty_redis, self.kill_redis, self.restart_postgres),
                (6, 3, 2, 1, 1),
            )[0]
            self.broken[breaking.__name__] += 1
            breaking()
        self.house.stack.sandbox.clear()

    def faults(self) -> None:
        """Have Stripe misbehave in another way."""
        modes = ("normal", "double", "late", "reversed", "off")
        rules = self.dice.sample(FAULTS, self.dice.randrange(3))
        self.house.stack.sandbox.faults(*rules, webhooks=self.dice.choice(modes))

    def kill_worker(self) -> None:
        """Kill the worker and all its children, and start another."""
        self.worker.kill()
        self.worker = self.house.worker(f"worker{self.broken['kill_worker']}")

    def empty_redis(self) -> None:
        """Lose every message."""
        redis.Redis.from_url(settings.REDIS_URL).flushall()

    def kill_redis(self) -> None:
        """Take Redis away for a moment."""
        self.house.stack.redis.kill()
        time.sleep(self.dice.uniform(0, 2))
        self.house.stack.redis.start()

    def restart_postgres(self) -> None:
        """Take the database away for a moment."""
        self.house.stack.postgres.stop()
        self.house.stack.postgres.start()


def forgiven(act: Callable[[], Any], told: Counter[str]) -> Any:
    """Do something as a web process would: a refusal is an answer, a lost database ends the request."""
    close_old_connections()
    try:
        done = act()
    except OrderRefused as refused:
        told[refused.code] += 1
    except (DatabaseError, InterfaceError):
        told["lost its database"] += 1
        connection.close()
    else:
        told["done"] += 1
        return done
    return None


def ring_for(order: Order | None) -> Order | None:
    """Ring for what was begun, as a page does."""
    act = OrderAct.objects.filter(order=order, closed_at=None).first() if order else None
    if act:
        ring(settle_act, act_id=act.pk)
    return order


def one_life(seed: int, told: Counter[str]) -> None:
    """Place an order, and do to it what comes to mind, several times, sometimes two at once."""
    dice = random.Random(seed)
    key, token = f"life-{seed}", dice.choice(CARDS)
    coupon, quantity = dice.choice(("", "SAVE10")), dice.choice((1, 2))
    order = forgiven(lambda: place_order(key=key, token=token, quantity=quantity, coupon_code=coupon), told)
    now = timezone.now
    for _ in range(dice.randrange(4) if order else 0):
        acts: list[Callable[[], Any]] = [
            lambda: pay(order_id=order.pk, by=ANA, at=now(), token="pm_card_visa"),
            lambda: fulfill(order_id=order.pk, by=ANA, at=now()),
            lambda: ring_for(cancel(order_id=order.pk, reason="mix", by=ANA, at=now())),
            lambda: ring_for(take_back(order_id=order.pk, reason="mix", restock=True, by=ANA, at=now())),
            lambda: ring_for(refund(order_id=order.pk, reason="mix", amount=300, by=ANA, at=now())),
        ]
        forgiven(dice.choice(acts), told)
    connection.close()


@pytest.mark.parametrize(
    ("orders", "seed"),
    [(40, 1), *(pytest.param(1000, seed, marks=pytest.mark.full) for seed in (1, 2, 3))],
)
def test_both_books_agree_after_a_mix_of_everything(
    orders: int, seed: int, house: House, balanced: Callable[[], None]
) -> None:
    make_customer(stripe_customer_id=None)
    sku, coupon = make_sku(stock=100_000), make_coupon(percent_off=10)
    house.beat()
    house.web()
    chaos = Chaos(house, seed)
    told: Counter[str] = Counter()
    with ThreadPoolExecutor(8) as pool:
        lives = [pool.submit(one_life, seed * 10_000 + number, told) for number in range(orders)]
        chaos.until(lambda: all(life.done() for life in lives))
    for life in lives:
        life.result()
    waited = until_settled()
    print(f"\nseed {seed}: {dict(told)}, broken: {dict(chaos.broken)}, settled {waited:.0f} s after")  # noqa: T201

    assert told["done"] > orders / 2
    balanced()
    check_stock(sku, coupon)


def until_settled() -> float:
    """Wait until nothing is in flight any more; it has to happen by itself, and soon."""
    begun = time.monotonic()
    while OrderAct.objects.filter(closed_at=None).exists() or Refund.objects.filter(status="requested").exists():
        waited = time.monotonic() - begun
        left = list(OrderAct.objects.filter(closed_at=None).values_list("kind", "payment__status", "refund__tries"))
        assert waited < WITHIN, f"still in flight: {left}"
        time.sleep(1)
    return time.monotonic() - begun


def check_stock(sku: Sku, coupon: Coupon) -> None:
    """Count what the orders hold, and what is left."""
    sku.refresh_from_db()
    holding = Order.objects.filter(held_at__isnull=False).exclude(status="returned")
    held = sum(item.quantity for order in holding for item in order.items.all())
    assert sku.inventory_quantity == 100_000 - held
    coupon.refresh_from_db()
    assert coupon.times_redeemed == Order.objects.filter(coupon=coupon, held_at__isnull=False).count()
