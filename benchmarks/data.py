"""What is measured on: generated orders, and what of them is looked for."""

from dataclasses import dataclass
from typing import Any

from django.core.management import call_command
from django.db import connection

from customers.models import User
from ecommerce.models import Order

NAME = "ada l"  # a first name and the beginning of a last name: some 1 % of the generated orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What is looked for: somewhere in the middle, so that neither end of a table is favoured."""

    count: int
    user: int
    order_id: int
    number: str
    email: str
    newest: str
    newest_paid: str
    oldest: str
    newest_of_name: str
    name: str = NAME


def grow(to: int) -> None:
    """Generate orders until there are so many."""
    missing = to - Order.objects.count()
    if missing > 0:
        call_command("generate_orders", missing, seed=to, verbosity=0)


def sample(user: User) -> Sample:
    """Choose what is looked for."""
    orders = Order.objects.select_related("customer").order_by("id")
    count = orders.count()
    middle = orders.paid().filter(pk__gte=orders[count // 2].pk)[0]
    called = orders.filter(customer__first_name__iexact="ada", customer__last_name__istartswith="l")
    return Sample(
        count=count,
        user=user.pk,
        order_id=middle.pk,
        number=middle.number,
        email=middle.customer.email,
        newest=_number(orders.last()),
        newest_paid=_number(orders.paid().last()),
        oldest=_number(orders.first()),
        newest_of_name=_number(called.last()),
    )


def _number(order: Order | None) -> str:
    if order is None:
        raise LookupError("There are too few orders to measure on.")
    return order.number


def someone(name: str = "bench") -> User:
    """Make, or find, the one in whose name all is done."""
    known: dict[str, Any] = {"is_staff": True, "is_superuser": True}
    user, _made = User.objects.get_or_create(username=name, defaults=known)
    return user


def settle_down() -> None:
    """Have the database put in order what was written, so that it is not busy with that while the next is measured."""
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout TO 0")
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("RESET statement_timeout")
