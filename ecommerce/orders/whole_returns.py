"""The returns that the return of a whole order makes by itself, set-wise: received and closed at once.

Every function runs in the transaction of its caller, who holds the locks of the orders.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from ecommerce.models import Order, OrderAct, OrderItem, Return, ReturnItem
from ecommerce.models.id_arrays import array_of
from ecommerce.orders import stock

Condition, Status = ReturnItem.Condition, Return.Status

NAME_RETURNS = """
UPDATE ecommerce_orderact a SET order_return_id = r.id FROM ecommerce_return r
WHERE a.id = ANY(%s::bigint[]) AND r.id = ANY(%s::bigint[]) AND r.order_id = a.order_id
"""


def open_returns(orders: Sequence[Order]) -> dict[int, str]:
    """Return the number of a return that is open, by order id."""
    return dict(Return.objects.filter(order__in=orders, closed_at=None).values_list("order", "number"))


def close_whole_returns(acts: Sequence[OrderAct], *, at: datetime) -> None:
    """Write a closed return for each of these acts, of all that is with the customer, and put it back in stock.

    Each act is of another order.
    """
    if not acts:
        return
    made = Return.objects.bulk_create(_closed(act, at=at) for act in acts)
    for act, one in zip(acts, made, strict=True):
        act.order_return = one
    items_of = defaultdict[int, list[OrderItem]](list)
    for item in OrderItem.objects.filter(order__in=[act.order_id for act in acts]).order_by("pk"):
        items_of[item.order_id].append(item)
    rows = [row for act in acts for row in _came_back(act, items_of[act.order_id])]
    ReturnItem.objects.bulk_create(rows)
    with connection.cursor() as cursor:
        cursor.execute(NAME_RETURNS, [array_of(act.pk for act in acts), array_of(one.pk for one in made)])
    restocked = Counter[int]()
    for act in acts:
        if act.restock:
            restocked.update(_with_customer(items_of[act.order_id]))
    stock.put_back(restocked)


def _closed(act: OrderAct, *, at: datetime) -> Return:
    return Return(
        order_id=act.order_id,
        status=Status.CLOSED,
        reason=act.reason[:200],
        requested_at=act.requested_at,
        approved_at=act.requested_at,
        received_at=at,
        closed_at=at,
        **act.by.columns,
    )


def _came_back(act: OrderAct, items: Iterable[OrderItem]) -> list[ReturnItem]:
    return [
        ReturnItem(
            order_return=act.order_return,
            item=item,
            quantity=item.fulfilled - item.returned,
            received=item.fulfilled - item.returned,
            condition=Condition.RESELLABLE,
            restock=act.restock,
        )
        for item in items
        if item.fulfilled > item.returned
    ]


def _with_customer(items: Iterable[OrderItem]) -> Counter[int]:
    """Count the units by SKU id; what is not shipped is in no parcel, and is given up all the same."""
    units = Counter[int]()
    for item in items:
        if item.sku_id:
            units[item.sku_id] += item.fulfilled - item.returned if item.shippable else item.quantity - item.canceled
    return units
