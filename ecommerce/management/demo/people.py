"""The staff of the demo shop, and its customers."""

import random
from datetime import datetime

from django.contrib.auth.models import Group

from customers.accounts import create_account
from customers.models import Address, Customer, User

ROLES = ("viewer", "support", "fulfillment", "finance", "manager")
# fmt: off
FIRST_NAMES = ("Ada", "Grace", "Katherine", "Alan", "Edsger", "Barbara", "Margaret", "Donald", "Radia", "Linus", "Hedy",
               "Tim", "Frances", "John", "Shafi")
LAST_NAMES = ("Lovelace", "Hopper", "Johnson", "Turing", "Dijkstra", "Liskov", "Hamilton", "Knuth", "Perlman",
              "Torvalds", "Lamarr", "Lee", "Allen", "Backus")
# fmt: on
ADDRESSES = (
    ("12 St James's Square", "London", "", "SW1Y 4JH", "GB"),
    ("350 Fifth Avenue", "New York", "NY", "10118", "US"),
    ("1 Market Street", "San Francisco", "CA", "94105", "US"),
    ("48 Rue de Rivoli", "Paris", "", "75004", "FR"),
    ("Torstraße 140", "Berlin", "", "10119", "DE"),
    ("2-1-1 Nihonbashi", "Tokyo", "", "103-0027", "JP"),
    ("Salem Al Mubarak Street 5", "Salmiya", "", "22001", "KW"),
    ("100 Queen Street West", "Toronto", "ON", "M5H 2N2", "CA"),
)
SHARE_WITH_PHONE = 0.6
CUSTOMERS = 60


def create_staff() -> dict[str, User]:
    """A superuser, and one user for each role; each has its own username as password."""
    staff = {"admin": User.objects.create_superuser("admin", "admin@example.com", "admin", first_name="Ana")}
    for role in ROLES:
        user = User.objects.create_user(
            role, f"{role}@example.com", role, is_staff=True, first_name=role.title(), last_name="Demo"
        )
        user.groups.add(Group.objects.get(name=role.title()))
        staff[role] = user
    return staff


def create_customers(rng: random.Random, *, at: datetime) -> list[Customer]:
    """Each has an address; the first can sign in on the website."""
    others = [(first, last) for first in FIRST_NAMES for last in LAST_NAMES if last != "Lovelace"]
    names = [("Ada", "Lovelace"), *rng.sample(others, CUSTOMERS - 1)]
    return [_create_customer(first, last, rng, at=at) for first, last in names]


def _create_customer(first: str, last: str, rng: random.Random, *, at: datetime) -> Customer:
    local = "ada" if last == "Lovelace" else f"{first}.{last}".lower()
    phone = f"+1 555 {rng.randrange(1000):03} {rng.randrange(10000):04}" if rng.random() < SHARE_WITH_PHONE else ""
    customer = Customer.objects.create(
        email=f"{local}@example.com", first_name=first, last_name=last, phone=phone, created_at=at
    )
    if local == "ada":
        create_account(customer=customer, password="ada-demo-password")  # noqa: S106 - in the contract
    line1, city, state, postal_code, country = rng.choice(ADDRESSES)
    Address.objects.create(
        customer=customer,
        name=customer.name,
        line1=line1,
        city=city,
        state=state,
        postal_code=postal_code,
        country=country,
        is_default=True,
        created_at=at,
    )
    return customer
