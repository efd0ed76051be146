"""What arrived of a return: counted by condition, and put back in stock."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from ecommerce.models import Return, ReturnItem
from ecommerce.orders import stock
from ecommerce.orders.errors import OrderError

Condition = ReturnItem.Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """So many units of an item that arrived in a condition, or are missing.

    `restock` puts what is resellable back in stock; it means nothing for the others.
    """

    item_id: int
    quantity: int
    condition: str
    restock: bool = True

    @property
    def goes_back(self) -> bool:
        """Whether it is put back in stock."""
        return self.restock and self.condition == Condition.RESELLABLE


def received_so_far(one: Return) -> str:
    """What has arrived of a return, as a form carries it: where more has arrived since, the form is out of date."""
    rows = one.items.order_by("pk").values_list("item", "condition", "restock", "received")
    return hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()[:16]


def receive(one: Return, received: Sequence[Received], *, complete: bool) -> str:
    """Write what arrived of a return whose lock the caller holds, and return it in words; raise OrderError."""
    rows = list(one.items.select_related("item").order_by("pk"))
    _check(rows, received)
    said, back = [], Counter[int]()
    for each in received:
        row = _move(one, rows, each)
        said.append(f"{each.quantity} x {row.item.description} ({row.get_condition_display().lower()})")
        if each.goes_back and row.item.sku_id:
            back[row.item.sku_id] += each.quantity
    if complete:
        for row in [row for row in rows if not row.condition]:
            missing = Received(item_id=row.item_id, quantity=row.quantity, condition=Condition.MISSING)
            said.append(f"{row.quantity} x {row.item.description} ({Condition.MISSING.label.lower()})")
            _move(one, rows, missing)
    stock.put_back(back)
    return ", ".join(said)


def _check(rows: Sequence[ReturnItem], received: Sequence[Received]) -> None:
    awaited, counted = Counter[int](), Counter[int]()
    undecided, missing = Counter[int](), Counter[int]()
    for row in rows:
        awaited[row.item_id] += row.quantity - row.received
        undecided[row.item_id] += 0 if row.condition else row.quantity
    for row in rows:
        # Of a parcel that was voided since, nothing comes back.
        awaited[row.item_id] = min(awaited[row.item_id], row.item.fulfilled - row.item.returned)
    description = {row.item_id: row.item.description for row in rows}
    for each in received:
        if each.quantity < 1 or each.condition not in Condition.values or each.item_id not in description:
            sentence = _("Choose items of this return, how many arrived, and in which condition.")
            raise OrderError("invalid_items", sentence, field="items")
        counted[each.item_id] += each.quantity
        missing[each.item_id] += each.quantity if each.condition == Condition.MISSING else 0
    # What is missing already is awaited, and not missing once more.
    limits = ((counted, awaited), (missing, undecided))
    for units, most in limits:
        _check_at_most(units, most, description)


def _check_at_most(units: Mapping[int, int], most: Mapping[int, int], description: Mapping[int, str]) -> None:
    for item_id, quantity in units.items():
        if quantity > most[item_id]:
            values = {"item": description[item_id], "left": most[item_id], "wanted": quantity}
            sentence = _("Of %(item)s, %(left)d are awaited, not %(wanted)d. Open a return for what else has come.")
            raise OrderError("invalid_items", sentence % values, field="items")


def _move(one: Return, rows: list[ReturnItem], each: Received) -> ReturnItem:
    """Move units to the row of their condition: awaited ones first, then those called missing before."""
    sources = [row for row in rows if row.item_id == each.item_id and not row.condition]
    if each.condition != Condition.MISSING:
        sources += [row for row in rows if row.item_id == each.item_id and row.condition == Condition.MISSING]
    moved = 0
    for row in sources:
        taken = min(each.quantity - moved, row.quantity)
        moved += taken
        row.quantity -= taken
        if row.quantity:
            row.save()
        else:
            row.delete()
            rows.remove(row)
    target = _row_of(one, rows, each, sources)
    target.quantity += moved
    target.received += moved if each.condition != Condition.MISSING else 0
    if target.quantity:
        target.save()
    return target


def _row_of(one: Return, rows: list[ReturnItem], each: Received, sources: Sequence[ReturnItem]) -> ReturnItem:
    key = (each.item_id, each.condition, each.goes_back)
    for row in rows:
        if (row.item_id, row.condition, row.restock) == key:
            return row
    target = ReturnItem(order_return=one, item=sources[0].item, quantity=0)
    target.condition, target.restock = each.condition, each.goes_back
    rows.append(target)
    return target
