"""One job run by several processes: how the rate grows with their number."""

from benchmarks.bulk_fulfill import rate
from benchmarks.figures import Figure
from benchmarks.orders import to_fulfill
from customers.models import User

COUNTS = (1, 2, 4)
ORDERS = 20_000


def figures(user: User, *, size: str, limit: int = ORDERS) -> list[Figure]:
    ids = to_fulfill(limit)
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
