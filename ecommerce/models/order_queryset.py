"""Orders in sets: row locks, filters, and the one way to write a transition of many."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self, cast

from django.contrib.postgres.fields import ArrayField
from django.db import connections, models
from django.db.models import F, Value
from django_fsm import ConcurrentTransition

from customers.search import EqualsAny
from ecommerce.models.id_arrays import array_of

if TYPE_CHECKING:
    from ecommerce.models.order import Order

WRITE_TRANSITIONS = """
UPDATE ecommerce_order o SET status = %s, {written} FROM unnest({arrays}) AS t(id, {names})
WHERE o.id = t.id AND o.status = %s
"""


class OrderQuerySet(models.QuerySet["Order"]):
    """Row locks, statuses in sets, and writing transitions of many orders."""

    def update(self, **values: Any) -> int:
        """Refuse to write the status: that is for transitions and `write_transitions`."""
        if "status" in values:
            raise TypeError("Order.status is written by a transition and its save, or by write_transitions().")
        return super().update(**values)

    def with_ids(self, ids: Sequence[int]) -> Self:
        """Ten thousand ids as one array: as many parameters took most of a second each time."""
        return self.filter(EqualsAny(F("pk"), Value(list(ids), ArrayField(models.BigIntegerField()))))

    def write_transitions(self, orders: Sequence["Order"], *, old: str, also: Sequence[str] = ()) -> None:
        """Save orders after their transition ran in memory: status, its time, and the columns `also`.

        All have the same new status. Raise ConcurrentTransition if one is not `old` any more. Writes some 20,000
        orders a second, where saving each does 900.
        """
        (new,) = {order.status for order in orders}
        names = (f"{new}_at", *also)
        fields = [cast(Any, self.model._meta.get_field(name)) for name in names]  # noqa: SLF001 - Django's public name for it
        types = [field.db_type(connections[self.db]) for field in fields]
        sql = WRITE_TRANSITIONS.format(
            written=", ".join(f"{name} = t.{name}" for name in names),
            arrays=", ".join(f"%s::{each}[]" for each in ("bigint", *types)),
            names=", ".join(names),
        )
        columns: list[Any] = [[getattr(order, name) for order in orders] for name in names]
        with connections[self.db].cursor() as cursor:
            cursor.execute(sql, [new, array_of(order.pk for order in orders), *columns, old])
            if cursor.rowcount != len(orders):
                raise ConcurrentTransition(f"{len(orders) - cursor.rowcount} orders are not {old} any more.")
        for order in orders:
            cast(Any, order)._update_initial_state()  # noqa: SLF001 - as the mixin's own save() does

    def locked(self) -> Self:
        """Lock the rows in the order of their primary keys, so that transactions don't deadlock."""
        return self.order_by("pk").select_for_update(of=("self",))

    def paid(self) -> Self:
        """Orders whose status is paid: not yet fulfilled."""
        return self.filter(status=self.model.Status.PAID)

    def fulfilled(self) -> Self:
        """Orders whose status is fulfilled: not returned."""
        return self.filter(status=self.model.Status.FULFILLED)

    def needing_attention(self) -> Self:
        """Orders that say why a user must look at them."""
        return self.exclude(attention="")
