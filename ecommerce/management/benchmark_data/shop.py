"""What synthetic orders are made of: SKUs in a few currencies, people, addresses."""

import random
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from ecommerce.models import Product, Sku

PRODUCTS = ("Mug", "Lamp", "Notebook", "Print", "Scarf", "Teapot", "Cushion", "Clock", "Vase", "Candle")
KINDS = ("red", "blue", "green", "grey")
CURRENCIES = {"usd": 1, "eur": 1, "gbp": 1, "jpy": 100}
WEIGHTS = (70, 20, 5, 5)
FIRST = ("Ada", "Alan", "Barbara", "Claude", "Donald", "Edsger", "Frances", "Grace", "Hedy", "Ida", "John", "Katherine",
         "Leslie", "Margaret", "Niklaus", "Radia", "Sophie", "Tim", "Ursula", "Vint")  # fmt: skip
LAST = ("Lovelace", "Turing", "Liskov", "Shannon", "Knuth", "Dijkstra", "Allen", "Hopper", "Lamarr", "Rhodes",
        "Backus", "Johnson", "Lamport", "Hamilton", "Wirth", "Perlman", "Wilson", "Lee", "Martin", "Cerf")  # fmt: skip
TOWNS = (("London", "", "N1 9GU", "GB"), ("Paris", "", "75011", "FR"), ("Austin", "TX", "78701", "US"),
         ("Boston", "MA", "02108", "US"), ("Osaka", "", "530-0001", "JP"), ("Berlin", "", "10115", "DE"))  # fmt: skip

Article = tuple[int, str, str, int]  # id, code, description, price


@dataclass(frozen=True, slots=True)
class Shelf:
    """The SKUs, by currency."""

    by_currency: dict[str, list[Article]]

    @classmethod
    def stocked(cls, *, at: datetime) -> Self:
        """Find the SKUs of earlier runs, or make them."""
        return cls({currency: _articles(currency, factor, at=at) for currency, factor in CURRENCIES.items()})

    def one_currency(self, dice: random.Random) -> tuple[str, list[Article]]:
        """Choose a currency, since all items of an order share one."""
        (currency,) = dice.choices(list(self.by_currency), WEIGHTS)
        return currency, self.by_currency[currency]


def _articles(currency: str, factor: int, *, at: datetime) -> list[Article]:
    found = []
    for place, name in enumerate(PRODUCTS):
        product, _made = Product.objects.get_or_create(name=f"{name} (generated)", defaults={"created_at": at})
        for kind in KINDS:
            price = (900 + 350 * place) // factor * factor
            sku, _made = Sku.objects.get_or_create(
                code=f"GEN-{name}-{kind}-{currency}".upper(),
                defaults={"product": product, "name": kind, "price": price, "currency": currency},
            )
            found.append((sku.pk, sku.code, f"{name}, {kind}", sku.price))
    return found


def a_person(dice: random.Random) -> tuple[str, str]:
    """Name somebody."""
    return dice.choice(FIRST), dice.choice(LAST)


def an_address(dice: random.Random, name: str) -> dict[str, str]:
    """Say where they live, as an order keeps it."""
    city, state, postal_code, country = dice.choice(TOWNS)
    line1 = f"{dice.randint(1, 200)} High Street"
    known = {"name": name, "line1": line1, "line2": "", "city": city, "state": state}
    return {**known, "postal_code": postal_code, "country": country}
