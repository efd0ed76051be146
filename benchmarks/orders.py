"""The generated orders that are measured on, and a sample of values to look up among them."""

from dataclasses import dataclass
from typing import Any

from django.core.management import call_command
from django.db import connection

from customers.models import User
from ecommerce.models import Order

NAME = "ada l"  # a first name and a prefix of a last name: some 1 % of the generated orders


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """`number` and `email` are of an order in the middle, so that neither end of a table is favoured."""

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


def generate_up_to(total: int) -> None:
    missing = total - Order.objects.count()
    if missing > 0:
        call_command("generate_orders", missing, seed=total, verbosity=0)


def to_fulfill(limit: int) -> list[int]:
    """The ids of paid orders of which nothing is sent and that nothing holds back, the oldest first."""
    orders = Order.objects.paid().filter(fulfillment_state="", on_hold=False, attention="").order_by("pk")
    return list(orders.values_list("pk", flat=True)[:limit])


def sample(user: User) -> Sample:
    orders = Order.objects.select_related("customer").order_by("id")
    count = orders.count()
    middle = orders.paid().filter(pk__gte=orders[count // 2].pk)[0]
    of_name = orders.filter(customer__first_name__iexact="ada", customer__last_name__istartswith="l")
    return Sample(
        count=count,
        user=user.pk,
        order_id=middle.pk,
        number=middle.number,
        email=middle.customer.email,
        newest=_number(orders.last()),
        newest_paid=_number(orders.paid().last()),
        oldest=_number(orders.first()),
        newest_of_name=_number(of_name.last()),
    )


def _number(order: Order | None) -> str:
    if order is None:
        raise LookupError("There are too few orders to measure on.")
    return order.number


def get_user(name: str = "bench") -> User:
    defaults: dict[str, Any] = {"is_staff": True, "is_superuser": True}
    user, _created = User.objects.get_or_create(username=name, defaults=defaults)
    return user


def vacuum() -> None:
    # Now, so that autovacuum does not run while the next figure is measured.
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout TO 0")
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("RESET statement_timeout")
