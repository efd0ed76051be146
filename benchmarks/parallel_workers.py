"""One job run by several processes: how the rate grows with their number."""

from benchmarks.bulk_fulfill import rate
from benchmarks.figures import Figure
from customers.models import User
from ecommerce.models import Order

COUNTS = (1, 2, 4)
ORDERS = 20_000


def figures(user: User, *, size: str, limit: int = ORDERS) -> list[Figure]:
    ids = list(Order.objects.paid().order_by("pk").values_list("pk", flat=True)[:limit])
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
