"""A small shop whose customers have cards at the fake Stripe, for orders whose money Stripe knows."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock
from uuid import uuid4

from django.conf import settings
from django.db import connection
from django.utils import timezone

from billing import gateway
from billing.models import Card
from customers.actors import Actor
from customers.models import Customer, User
from devserver.fake_stripe_server import FakeStripeControl
from ecommerce.models import Order, Product, Sku
from ecommerce.orders.place import NewOrder, place
from ecommerce.orders.quotes import LineRequest

AT_ONCE = 8
UNPACED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """One SKU, and customers who each have a card."""

    user: User
    sku: Sku
    cards: list[Card]

    @classmethod
    def opened(cls, user: User) -> "Shop":
        """Open it."""
        product = Product.objects.create(name="Benchmark", shippable=False)
        sku = Sku.objects.create(
            product=product, code=f"BENCH-{uuid4().hex[:6]}", name="one", price=1500, currency="usd"
        )
        return cls(user=user, sku=sku, cards=[_card(number) for number in range(AT_ONCE)])

    def sell(self, count: int) -> list[int]:
        """Place so many paid orders, some at once and as fast as can be, and give their ids."""
        with unpaced(), ThreadPoolExecutor(AT_ONCE) as pool:
            parts = [range(at, count, AT_ONCE) for at in range(AT_ONCE)]
            sold = list(pool.map(self._sell, self.cards, parts))
        return sorted(order_id for ids in sold for order_id in ids)

    def _sell(self, card: Card, part: range) -> list[int]:
        try:
            return [self._one(card).pk for _ in part]
        finally:
            connection.close()

    def _one(self, card: Card) -> Order:
        items = (LineRequest(sku_id=self.sku.pk, quantity=1),)
        wanted = NewOrder(customer_id=card.customer_id, items=items, via=Order.PlacedVia.STAFF, card_id=card.pk)
        order = place(wanted=wanted, by=Actor.staff(self.user), at=timezone.now())
        if not order.was_paid:
            raise AssertionError(f"Order {order} is {order.status}, {order.money_state}.")
        return order


def _card(number: int) -> Card:
    key = uuid4().hex
    email = f"bench.{number}.{key[:8]}@example.com"
    at_stripe = gateway.create_customer(email=email, name="", reference=key, key=key)
    customer = Customer.objects.create(email=email, stripe_customer_id=at_stripe)
    facts = gateway.attach_card(token="tok_visa", customer_id=at_stripe)
    shown: dict[str, Any] = {name: getattr(facts, name) for name in ("brand", "last4", "exp_month", "exp_year")}
    return Card.objects.create(customer=customer, stripe_payment_method_id=facts.id, **shown)


@contextmanager
def unpaced() -> Iterator[None]:
    """Keep to no rate: this is only the preparation."""
    with mock.patch.object(settings, "STRIPE_MAX_REQUESTS_PER_SECOND", UNPACED):
        yield


def fake_stripe() -> FakeStripeControl:
    return FakeStripeControl(settings.STRIPE_API_BASE)
