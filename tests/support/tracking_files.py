"""Tracking files as carriers send them, read and applied in the test's own process."""

from django.utils import timezone

from customers.actors import Actor
from customers.models import User
from ecommerce.models import Order, TrackingFile
from ecommerce.tracking_files import apply, files
from ecommerce.tracking_files.words import sentence
from tests.support.factories import ANA, make_sku
from tests.support.order_acts import paid_lines

COLUMNS = {"order": "Order", "number": "Tracking"}
BY_SKU = {**COLUMNS, "sku": "SKU", "quantity": "Qty"}


def csv_of(*rows: tuple[object, ...], headers: tuple[str, ...] = ("Order", "Tracking")) -> bytes:
    return "\n".join(",".join(map(str, row)) for row in (headers, *rows)).encode()


def preview(
    *rows: tuple[object, ...],
    by: User | None = None,
    carrier: str = "Van",
    columns: dict[str, str] | None = None,
    notify: bool = True,
) -> TrackingFile:
    """Upload a file of these rows, and name its columns."""
    named = columns or (BY_SKU if len(rows[0]) > len(COLUMNS) else COLUMNS)
    data = csv_of(*rows, headers=tuple(named.values()))
    actor = Actor.staff(by) if by else ANA
    file = files.begin(name="day.csv", data=data, carrier=carrier, by=actor, at=timezone.now(), notify=notify)
    if file.status == TrackingFile.Status.MAPPING:
        file = files.name_columns(file_id=file.pk, columns=named)
    return file


def applied(file: TrackingFile, by: User) -> TrackingFile:
    """Apply a file to its end, as workers do."""
    files.apply(file_id=file.pk, accept_doubtful=file.accept_doubtful, by=Actor.staff(by))
    while apply.run(file_id=file.pk, seconds=60):
        pass
    file.refresh_from_db()
    return file


def codes(file: TrackingFile) -> list[str]:
    return list(file.rows.order_by("number").values_list("code", flat=True))


def outcomes(file: TrackingFile) -> list[tuple[str, str]]:
    return [(row.status, sentence(row)) for row in file.rows.order_by("number")]


def to_send(code: str = "MUG", quantity: int = 2) -> Order:
    """A paid order of one line that is shipped."""
    return paid_lines((make_sku(code, shippable=True), quantity))


def numbers(order: Order) -> list[tuple[str, list[str]]]:
    parcels = order.fulfillments.filter(voided_at=None).order_by("pk")
    return [(parcel.carrier, parcel.tracking_numbers) for parcel in parcels]
