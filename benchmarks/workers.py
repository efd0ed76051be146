"""Several processes on one job: how much faster each more makes it."""

from benchmarks.figures import Figure
from benchmarks.fulfilling import rate
from customers.models import User
from ecommerce.models import Order

COUNTS = (1, 2, 4)
ORDERS = 20_000


def figures(user: User, *, size: str, most: int = ORDERS) -> list[Figure]:
    """Fulfill the same orders with one, two and four processes."""
    ids = list(Order.objects.paid().order_by("pk").values_list("pk", flat=True)[:most])
    return [
        Figure(
            name=f"bulk_fulfill_by_{count}",
            size=size,
            value=rate(user, ids, processes=count),
            unit="orders/s",
            note=f"{len(ids):,} orders",
        )
        for count in COUNTS
    ]
