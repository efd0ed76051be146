"""What is not the whole of an order: parts by SKU and quantity, and corrected numbers, by the acts of one order."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.models import Fulfillment, OrderItem, TrackingFile, TrackingFileRow
from ecommerce.orders.errors import OrderError
from ecommerce.orders.fulfill import fulfill
from ecommerce.orders.undo_fulfillment import correct_tracking
from ecommerce.tracking_files.classify import Judged
from ecommerce.tracking_files.outcomes import Outcome

Status = TrackingFileRow.Status


def apply_rows(
    file: TrackingFile, order_id: int, judged: Sequence[Judged], *, by: Actor, at: datetime
) -> list[Outcome]:
    """Apply the rows of an order whose lock the caller holds: each parcel leaves as a whole, or not at all."""
    rows = {row.pk: row for row in TrackingFileRow.objects.filter(pk__in=[each.id for each in judged])}
    if any(each.code == "correct" for each in judged):
        numbered = [rows[each.id] for each in judged]
        return _parcel(judged, partial(_correct, file, order_id, numbered, by=by, at=at))
    outcomes, parcels = list[Outcome](), dict[str, list[Judged]]()
    for each in judged:
        parcels.setdefault(rows[each.id].tracking_number, []).append(each)
    for group in parcels.values():
        in_parcel = [rows[each.id] for each in group]
        outcomes += _parcel(group, partial(_ship, order_id, in_parcel, by=by, at=at))
    return outcomes


def _parcel(judged: Sequence[Judged], act: Callable[[], None]) -> list[Outcome]:
    try:
        with transaction.atomic():
            act()
    except OrderError as error:
        return [Outcome(each.id, Status.FAILED, "refused", error.message) for each in judged]
    return [Outcome(each.id, Status.DONE, each.code, each.detail) for each in judged]


def _ship(order_id: int, rows: Sequence[TrackingFileRow], *, by: Actor, at: datetime) -> None:
    everything = any(not row.sku for row in rows)
    items = None if everything else _items(order_id, rows)
    first = rows[0]
    fulfill(order_id=order_id, items=items, carrier=first.carrier, tracking_number=first.tracking_number, by=by, at=at)


def _items(order_id: int, rows: Sequence[TrackingFileRow]) -> list[tuple[int, int]]:
    """Lay the quantities of SKUs on the lines of the order that have them, the earlier line first."""
    own = list(OrderItem.objects.filter(order=order_id).order_by("pk"))
    left = {item.pk: item.left_to_send for item in own}
    chosen = dict[int, int]()
    for row in rows:
        lines = [item for item in own if item.sku_code.lower() == row.sku.lower()]
        wanted = row.quantity or sum(left[item.pk] for item in lines)
        for item in lines:
            taken = min(wanted, left[item.pk])
            if taken:
                chosen[item.pk] = chosen.get(item.pk, 0) + taken
            left[item.pk] -= taken
            wanted -= taken
        if wanted:
            sentence = _("Of %(sku)s, %(missing)d more are asked for than are left to send.")
            raise OrderError("invalid_items", sentence % {"sku": row.sku, "missing": wanted}, field="items")
    return list(chosen.items())


def _correct(file: TrackingFile, order_id: int, rows: Sequence[TrackingFileRow], *, by: Actor, at: datetime) -> None:
    parcels = list(Fulfillment.objects.filter(order=order_id, voided_at=None).order_by("pk"))
    parcel = next((each for each in parcels if not each.tracking_number), parcels[0])
    correct_tracking(
        parcel_id=parcel.pk,
        carrier=rows[0].carrier or parcel.carrier,
        tracking_numbers=[row.tracking_number for row in rows],
        reason=_("Tracking file %(id)s, %(file)s") % {"id": file.pk, "file": file.file_name},
        by=by,
        at=at,
    )
