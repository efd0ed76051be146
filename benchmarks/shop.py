"""A small shop whose customers have cards at the fake Stripe, for orders that can be charged and refunded."""

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
from ecommerce.orders.lines import LineRequest
from ecommerce.orders.place import NewOrder, place

THREADS = 8
UNLIMITED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    user: User
    sku: Sku
    cards: list[Card]

    @classmethod
    def create(cls, user: User) -> "Shop":
        product = Product.objects.create(name="Benchmark", shippable=False)
        sku = Sku.objects.create(
            product=product, code=f"BENCH-{uuid4().hex[:6]}", name="one", price=1500, currency="usd"
        )
        return cls(user=user, sku=sku, cards=[_create_card(number) for number in range(THREADS)])

    def sell(self, count: int) -> list[int]:
        """Place so many paid orders, as fast as possible; return their ids."""
        with without_rate_limit(), ThreadPoolExecutor(THREADS) as pool:
            shares = [range(first, count, THREADS) for first in range(THREADS)]
            sold = pool.map(self._sell, self.cards, shares)
            return sorted(order_id for ids in sold for order_id in ids)

    def _sell(self, card: Card, share: range) -> list[int]:
        try:
            return [self._place(card).pk for _ in share]
        finally:
            connection.close()

    def _place(self, card: Card) -> Order:
        items = (LineRequest(sku_id=self.sku.pk, quantity=1),)
        new_order = NewOrder(customer_id=card.customer_id, items=items, via=Order.PlacedVia.STAFF, card_id=card.pk)
        order = place(new_order=new_order, by=Actor.staff(self.user), at=timezone.now())
        if not order.was_paid:
            raise AssertionError(f"Order {order} is {order.status}, {order.money_state}.")
        return order


def _create_card(number: int) -> Card:
    key = uuid4().hex
    email = f"bench.{number}.{key[:8]}@example.com"
    stripe_id = gateway.create_customer(email=email, name="", reference=key, key=key)
    customer = Customer.objects.create(email=email, stripe_customer_id=stripe_id)
    stripe_card = gateway.attach_card(token="tok_visa", customer_id=stripe_id)
    fields: dict[str, Any] = {name: getattr(stripe_card, name) for name in ("brand", "last4", "exp_month", "exp_year")}
    return Card.objects.create(customer=customer, stripe_payment_method_id=stripe_card.id, **fields)


@contextmanager
def without_rate_limit() -> Iterator[None]:
    # What is sold here is not measured, but prepared.
    with (
        mock.patch.object(settings, "STRIPE_MAX_REQUESTS_PER_SECOND", UNLIMITED),
        mock.patch.object(settings, "STRIPE_MAX_REQUESTS_PER_ENDPOINT", UNLIMITED),
    ):
        yield


def fake_stripe() -> FakeStripeControl:
    return FakeStripeControl(settings.STRIPE_API_BASE)
