"""A seeded mix of everything: orders placed, paid again, fulfilled, canceled, returned and refunded, while programs are
killed, services restarted, and Stripe misbehaves. Afterwards nobody touches anything, and both books agree."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from backoffice.enqueue import enqueue_on_commit
from billing.models import Difference, Refund
from devserver.fake_stripe_server import FakeStripeServer
from ecommerce.models import Coupon, Order, OrderAct, Sku
from ecommerce.orders.cancel import cancel
from ecommerce.orders.errors import OrderError
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.pay import pay
from ecommerce.orders.refund import refund
from ecommerce.orders.refund_quotes import RefundRequest
from ecommerce.orders.refund_recovery import retry_refund
from ecommerce.orders.return_order import return_order
from ecommerce.tasks import execute_act
from tests.faults import impatient
from tests.faults.chaos import FAULTS, Chaos
from tests.faults.conftest import House
from tests.faults.crashing import recover
from tests.faults.website import Website, make_ada
from tests.support.factories import ANA, make_coupon, make_sku, place_order

pytestmark = pytest.mark.django_db(transaction=True)
WITHIN = 75 + 15  # seconds in which all is settled by itself, and the last leases of killed processes have run out
AT_ONCE = 16
SMALL = 16  # orders
REFUNDS_SETTLE = 3  # seconds in which a refund that is pending, or is to fail, has done so
CARDS = ("pm_card_visa",) * 8 + ("pm_card_chargeDeclined", "pm_card_pendingRefund", "pm_card_refundFail")


@dataclass
class Shop:
    """Where orders come from; `told` counts what came of all that was asked."""

    sku: Sku
    website: Website | None = None
    told: Counter[str] = field(default_factory=Counter)

    @property
    def ways(self) -> tuple[Callable[..., Order], ...]:
        """Give the ways to order: that of staff, and the website's where there is one."""
        return (self.by_staff, self.by_the_customer) if self.website else (self.by_staff,)

    def by_staff(self, **terms: Any) -> Order:
        """Have staff place an order, once."""
        return place_order(**terms)

    def by_the_customer(self, *, token: str, quantity: int, coupon_code: str, key: str) -> Order:
        """Order on the website, again and again until it answers."""
        assert self.website
        items = [{"sku_id": self.sku.pk, "quantity": quantity}]
        body = {"items": items, "gateway_token": token, "coupon_code": coupon_code or None}
        return self.website.order_until_answered(body, key, self.told)


def forgiven(act: Callable[[], Any], told: Counter[str]) -> Any:
    """Do something as a web process would: a refusal is an answer, a lost database ends the request."""
    close_old_connections()
    try:
        done = act()
    except OrderError as refused:
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
        enqueue_on_commit(execute_act, act_id=act.pk)
    return order


def one_life(seed: int, shop: Shop) -> None:
    """Place an order, and do to it what comes to mind, several times, sometimes two things at once."""
    dice, told = random.Random(seed), shop.told
    key, token = f"life-{seed}", dice.choice(CARDS)
    coupon, quantity = dice.choice(("", "SAVE10")), dice.choice((1, 2))
    placing = dice.choice(shop.ways)
    order = forgiven(lambda: placing(key=key, token=token, quantity=quantity, coupon_code=coupon), told)
    now = timezone.now
    for _ in range(dice.randrange(4) if order else 0):
        acts: list[Callable[[], Any]] = [
            lambda: pay(order_id=order.pk, by=ANA, at=now(), token="pm_card_visa"),
            lambda: fulfill(order_id=order.pk, by=ANA, at=now()),
            lambda: ring_for(cancel(order_id=order.pk, reason="mix", by=ANA, at=now())),
            lambda: ring_for(return_order(order_id=order.pk, reason="mix", restock=True, by=ANA, at=now())),
            lambda: ring_for(
                refund(order_id=order.pk, reason="mix", request=RefundRequest(amount=300), by=ANA, at=now())
            ),
            lambda: ring_for(retry_refund(order_id=order.pk, by=ANA, at=now())),
        ]
        chosen = dice.choices(acts, k=dice.choice((1, 1, 2)))
        with ThreadPoolExecutor(len(chosen)) as pool:
            for done in [pool.submit(in_thread, act, told) for act in chosen]:
                done.result()
    connection.close()


def in_thread(act: Callable[[], Any], told: Counter[str]) -> None:
    """Do something in a thread of its own, and leave no connection behind."""
    forgiven(act, told)
    connection.close()


@pytest.fixture
def impatience(settings: Settings) -> None:
    """Soon lose patience with Stripe."""
    settings.STRIPE_TIMEOUTS = impatient.STRIPE_TIMEOUTS


@pytest.fixture
def house(empty_stripe: FakeStripeServer, house: House, impatience: None) -> House:
    """Give programs that soon lose patience, too, and a website where Ada may order and be declined for ever."""
    house.extra = {"DJANGO_SETTINGS_MODULE": impatient.__name__, "API_REQUESTS_PER_MINUTE": "100000"}
    house.extra["API_REQUESTS_PER_MINUTE_AND_ADDRESS"] = "100000"
    house.extra |= {"CARD_DECLINES_FREE": "1000", "CARD_DECLINES_STOP": "1000"}
    return house


@pytest.mark.full
@pytest.mark.parametrize(("orders", "seed"), [(100, 1), *((1000, seed) for seed in (1, 2, 3))])
def test_both_books_agree_after_a_mix_of_everything(
    orders: int, seed: int, empty_stripe: FakeStripeServer, house: House, balanced: Callable[[], None]
) -> None:
    make_ada()
    sku, coupon = make_sku(stock=100_000), make_coupon(percent_off=10)
    chaos = Chaos(house, seed)
    house.beat()
    shop = Shop(sku, Website.entered(house.base_url))
    begun = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        lives = [pool.submit(one_life, seed * 10_000 + number, shop) for number in range(orders)]
        chaos.until(lambda: all(life.done() for life in lives))
    connection.close()  # the database was restarted since this thread asked it anything
    for life in lives:
        life.result()
    lived, settled = time.monotonic() - begun, until_settled()
    struck = empty_stripe.fault_counts()
    time.sleep(REFUNDS_SETTLE)
    status, said = house.command("reconcile")
    print(  # noqa: T201
        f"\nseed {seed}: {orders} orders in {lived:.0f} s: {dict(shop.told)}; killed and restarted: "
        f"{dict(chaos.broken)}; Stripe's faults: {struck}; settled {settled:.0f} s after; {said.strip()}"
    )

    assert (status, Difference.objects.count()) == (0, 0), said
    assert shop.told["done"] > orders / 2
    assert Order.objects.count() <= orders
    balanced()
    check_stock(sku, coupon)


def test_both_books_agree_after_a_small_mix_that_nobody_kills(
    empty_stripe: FakeStripeServer, impatience: None, balanced: Callable[[], None]
) -> None:
    make_ada()
    sku, coupon, dice = make_sku(stock=100_000), make_coupon(percent_off=10), random.Random(SMALL)
    shop = Shop(sku)
    with ThreadPoolExecutor(4) as pool:
        lives = [pool.submit(one_life, SMALL + number, shop) for number in range(SMALL)]
        while not all(life.done() for life in lives):
            empty_stripe.faults(*dice.sample(FAULTS, 2), webhooks="off")
            time.sleep(0.3)
    empty_stripe.faults(webhooks="off")
    for life in lives:
        life.result()
    until_settled(recover)
    time.sleep(REFUNDS_SETTLE)
    recover()
    call_command("reconcile", verbosity=0)

    assert not Difference.objects.exists()
    assert shop.told["done"] > SMALL / 2
    balanced()
    check_stock(sku, coupon)


def until_settled(meanwhile: Callable[[], None] = lambda: None) -> float:
    """Wait until nothing is in flight any more; it has to happen by itself, and soon."""
    begun = time.monotonic()
    while OrderAct.objects.filter(closed_at=None).exists() or Refund.objects.filter(status="requested").exists():
        waited = time.monotonic() - begun
        left = list(OrderAct.objects.filter(closed_at=None).values_list("kind", "payment__status", "refund__attempts"))
        assert waited < WITHIN, f"still in flight: {left}"
        meanwhile()
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
