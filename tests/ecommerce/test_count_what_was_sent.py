"""The migration that records what existing orders had sent, canceled and returned, over rows as they were before."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps.registry import Apps
from django.db import connection

from ecommerce.books import violations_of
from ecommerce.models import FulfillmentItem, OrderItem, Return, ReturnItem
from tests.support.old_rows import ACTOR, NOW, OldShop, before_and_after, migrate, models_before

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.full]
PARCELS = "parcels_and_returns"


@pytest.fixture
def old() -> Iterator[Apps]:
    with models_before(PARCELS) as apps:
        yield apps


class OldParcels(OldShop):
    """Writes what becomes of an order as it was written when it had at most one parcel."""

    def become(self, status: str, **fields: Any) -> Any:
        order = self.sell("usd", (1000, 3), (500, 1))
        if status in {"created", "canceled"}:
            fields["held_at"] = None
        if status == "created":
            fields["paid_at"] = None
        times = {
            "fulfilled": ("fulfilled_at",),
            "canceled": ("canceled_at",),
            "returned": ("fulfilled_at", "returned_at"),
        }
        fields |= dict.fromkeys(times.get(status, ()), NOW())
        type(order).objects.filter(pk=order.pk).update(status=status, **fields)
        if status in {"fulfilled", "returned"}:
            self.model("ecommerce", "Fulfillment").objects.create(order_id=order.pk, carrier="DHL", **ACTOR)
        return order

    def returned_by(self, order: Any, *, restock: bool) -> None:
        values = {"kind": "return", "reason": "Too small", "restock": restock, "closed_at": NOW(), "outcome": "done"}
        self.model("ecommerce", "OrderAct").objects.create(order_id=order.pk, **values, **ACTOR)


def counts(order: Any) -> list[tuple[int, int, int]]:
    rows = OrderItem.objects.filter(order=order.pk).order_by("pk")
    return [(item.fulfilled, item.canceled, item.returned) for item in rows]


def test_rows_of_each_status_are_counted_once_however_often_it_runs(old: Apps, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = OldParcels(old)
    orders = {name: shop.become(name) for name in ("created", "paid", "fulfilled", "canceled", "returned")}
    kept = shop.become("returned")
    shop.returned_by(kept, restock=False)
    partly_digital, digital = shop.become("fulfilled"), shop.become("fulfilled")
    items = shop.model("ecommerce", "OrderItem").objects
    items.filter(order_id=partly_digital.pk, quantity=1).update(shippable=False)
    items.filter(order_id=digital.pk).update(shippable=False)
    shop.model("ecommerce", "Fulfillment").objects.filter(order_id=digital.pk).delete()
    module: Any = import_module("ecommerce.migrations.0038_count_what_was_sent")
    monkeypatch.setattr(module, "BATCH", 2)
    migrate(before_and_after(PARCELS)[1])

    assert {name: counts(order) for name, order in orders.items()} == {
        "created": [(0, 0, 0), (0, 0, 0)],
        "paid": [(0, 0, 0), (0, 0, 0)],
        "fulfilled": [(3, 0, 0), (1, 0, 0)],
        "canceled": [(0, 3, 0), (0, 1, 0)],
        "returned": [(3, 0, 3), (1, 0, 1)],
    }
    assert (counts(partly_digital), counts(digital)) == ([(3, 0, 0), (0, 0, 0)], [(0, 0, 0), (0, 0, 0)])
    back = {each.order_id: each for each in Return.objects.all()}
    assert set(back) == {orders["returned"].pk, kept.pk}
    assert (back[kept.pk].status, back[kept.pk].reason, back[kept.pk].by_label) == ("closed", "Too small", "Ana")
    assert set(ReturnItem.objects.filter(order_return=back[kept.pk]).values_list("restock", flat=True)) == {False}
    assert [*violations_of("items_sent"), *violations_of("order_sent")] == []

    before = _rows()
    module.count_what_was_sent(None, connection.schema_editor())
    assert _rows() == before


def _rows() -> list[Any]:
    return [list(model.objects.order_by("pk").values()) for model in (FulfillmentItem, OrderItem, Return, ReturnItem)]
