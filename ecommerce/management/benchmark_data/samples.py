"""What synthetic orders are drawn from: SKUs in a few currencies, names, addresses."""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from ecommerce.models import Product, Sku

PRODUCTS = ("Mug", "Lamp", "Notebook", "Print", "Scarf", "Teapot", "Cushion", "Clock", "Vase", "Candle")
COLORS = ("red", "blue", "green", "grey")
CURRENCIES = {"usd": 1, "eur": 1, "gbp": 1, "jpy": 100}  # prices are multiples of these
WEIGHTS = (70, 20, 5, 5)
FIRST_NAMES = ("Ada", "Alan", "Barbara", "Claude", "Donald", "Edsger", "Frances", "Grace", "Hedy", "Ida",
               "John", "Katherine", "Leslie", "Margaret", "Niklaus", "Radia", "Sophie", "Tim",
               "Ursula", "Vint")  # fmt: skip
LAST_NAMES = ("Lovelace", "Turing", "Liskov", "Shannon", "Knuth", "Dijkstra", "Allen", "Hopper", "Lamarr", "Rhodes",
              "Backus", "Johnson", "Lamport", "Hamilton", "Wirth", "Perlman", "Wilson", "Lee", "Martin",
              "Cerf")  # fmt: skip
CITIES = (("London", "", "N1 9GU", "GB"), ("Paris", "", "75011", "FR"), ("Austin", "TX", "78701", "US"),
         ("Boston", "MA", "02108", "US"), ("Osaka", "", "530-0001", "JP"), ("Berlin", "", "10115", "DE"))  # fmt: skip

SampleSku = tuple[int, str, str, int]  # id, code, description, price


@dataclass(frozen=True, slots=True)
class Catalogue:
    skus: dict[str, list[SampleSku]]  # by currency

    @classmethod
    def get_or_create(cls, *, at: datetime) -> Self:
        return cls({currency: _skus(currency, step, at=at) for currency, step in CURRENCIES.items()})

    def choose(self, rng: random.Random) -> tuple[str, list[SampleSku]]:
        # All items of an order share one currency.
        (currency,) = rng.choices(list(self.skus), WEIGHTS)
        return currency, self.skus[currency]


def _skus(currency: str, step: int, *, at: datetime) -> list[SampleSku]:
    found = []
    for position, name in enumerate(PRODUCTS):
        product, _created = Product.objects.get_or_create(name=f"{name} (generated)", defaults={"created_at": at})
        for color in COLORS:
            price = (900 + 350 * position) // step * step
            sku, _created = Sku.objects.get_or_create(
                code=f"GEN-{name}-{color}-{currency}".upper(),
                defaults={"product": product, "name": color, "price": price, "currency": currency},
            )
            found.append((sku.pk, sku.code, f"{name}, {color}", sku.price))
    return found


def random_name(rng: random.Random) -> tuple[str, str]:
    return rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)


def random_address(rng: random.Random, name: str) -> dict[str, str]:
    """An address as `Order.shipping_address` holds it."""
    city, state, postal_code, country = rng.choice(CITIES)
    street = {"name": name, "line1": f"{rng.randint(1, 200)} High Street", "line2": ""}
    return {**street, "city": city, "state": state, "postal_code": postal_code, "country": country}
