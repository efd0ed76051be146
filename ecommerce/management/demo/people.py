"""Who works in the demo shop, and who buys there."""

import random
from datetime import datetime

from django.contrib.auth.models import Group

from customers.accounts import create_account
from customers.models import Address, Customer, User

ROLES = ("viewer", "support", "fulfillment", "finance", "manager")
# fmt: off
FIRST = ("Ada", "Grace", "Katherine", "Alan", "Edsger", "Barbara", "Margaret", "Donald", "Radia", "Linus", "Hedy",
         "Tim", "Frances", "John", "Shafi")
LAST = ("Lovelace", "Hopper", "Johnson", "Turing", "Dijkstra", "Liskov", "Hamilton", "Knuth", "Perlman", "Torvalds",
        "Lamarr", "Lee", "Allen", "Backus")
# fmt: on
PLACES = (
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


def hire() -> dict[str, User]:
    """Make the staff: a superuser, and one person for each role, each with its name as password."""
    staff = {"admin": User.objects.create_superuser("admin", "admin@example.com", "admin", first_name="Ana")}
    for role in ROLES:
        user = User.objects.create_user(
            role, f"{role}@example.com", role, is_staff=True, first_name=role.title(), last_name="Demo"
        )
        user.groups.add(Group.objects.get(name=role.title()))
        staff[role] = user
    return staff


def invite(dice: random.Random, *, at: datetime) -> list[Customer]:
    """Make the customers, each with an address; the first of them can sign in on the website."""
    names = [("Ada", "Lovelace")]
    names += dice.sample([(first, last) for first in FIRST for last in LAST if last != "Lovelace"], CUSTOMERS - 1)
    return [_customer(first, last, dice, at=at) for first, last in names]


def _customer(first: str, last: str, dice: random.Random, *, at: datetime) -> Customer:
    local = "ada" if last == "Lovelace" else f"{first}.{last}".lower()
    phone = f"+1 555 {dice.randrange(1000):03} {dice.randrange(10000):04}" if dice.random() < SHARE_WITH_PHONE else ""
    customer = Customer.objects.create(
        email=f"{local}@example.com", first_name=first, last_name=last, phone=phone, created_at=at
    )
    if local == "ada":
        create_account(customer=customer, password="ada-demo-password")  # noqa: S106 - in the contract
    line1, city, state, postal_code, country = dice.choice(PLACES)
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
