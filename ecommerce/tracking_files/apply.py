"""Applying a file in batches: each is one transaction with the outcomes of its rows, killed at any line unharmed."""

import logging
import time
from collections import defaultdict
from collections.abc import Sequence

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models.functions import Now

from backoffice import database_clock, shutdown
from backoffice.process_leases import process_lease, renew
from customers.mail.notify import notifying
from ecommerce.models import Order, TrackingFile, TrackingFileRow
from ecommerce.models.id_arrays import Among
from ecommerce.tracking_files import classify, rights
from ecommerce.tracking_files.classify import Judged
from ecommerce.tracking_files.files import WORKER_TIMEOUT
from ecommerce.tracking_files.outcomes import Outcome, write_outcomes
from ecommerce.tracking_files.ship import COLUMNS, ship_together
from ecommerce.tracking_files.single import apply_rows
from ecommerce.tracking_files.words import APPLIED, status_of

logger = logging.getLogger(__name__)
BATCH = 1_000  # orders of one transaction
PARTS = 2  # processes that may work on a file at once, each on orders of its own
DATABASE_GONE = (OperationalError, InterfaceError)
Status, RowStatus = TrackingFile.Status, TrackingFileRow.Status
NEXT = """
SELECT order_id FROM ecommerce_trackingfilerow
WHERE file_id = %s AND status = 'pending' AND order_id > %s AND order_id %% %s = %s
GROUP BY order_id ORDER BY order_id LIMIT %s
"""


def run(*, file_id: int, seconds: float) -> bool:
    """Apply for so many seconds; True if this process left something that no other one is at."""
    deadline = time.monotonic() + seconds
    has_more = False
    for part in range(PARTS):
        with process_lease(f"tracking file {file_id}, part {part}", lease=WORKER_TIMEOUT) as alone:
            has_more |= alone and _run_part(file_id, part, deadline)
    return not _end_if_complete(file_id) and has_more


def _run_part(file_id: int, part: int, deadline: float) -> bool:
    """Return whether time was up before the part was done."""
    after = 0
    while not shutdown.time_is_up(deadline):
        # Read before each batch: a stop, or a right taken away, is heeded within one.
        file = TrackingFile.objects.filter(pk=file_id, status=Status.APPLYING).first()
        if file is None or rights.stop_without(file):
            return False
        ids = _next_orders(file, part, after)
        if not ids:
            return False
        renew()
        TrackingFile.objects.filter(pk=file.pk).update(beat_at=Now())
        _apply(file, ids)
        after = ids[-1]
    return True


def _next_orders(file: TrackingFile, part: int, after: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(NEXT, [file.pk, after, PARTS, part, BATCH])
        return [order_id for (order_id,) in cursor.fetchall()]


def _apply(file: TrackingFile, ids: Sequence[int]) -> None:
    try:
        _apply_together(file, ids)
    except DATABASE_GONE:
        raise
    except Exception:
        if len(ids) == 1:
            logger.exception("Order %s of tracking file %s failed.", ids[0], file.pk)
            TrackingFileRow.objects.filter(file=file, order=ids[0], status=RowStatus.PENDING).update(
                status=RowStatus.FAILED, code="broken"
            )
            return
        # Nothing of it was committed; which order broke it shows in halves.
        logger.exception("A batch of tracking file %s failed; it is applied in halves.", file.pk)
        middle = len(ids) // 2
        _apply(file, ids[:middle])
        _apply(file, ids[middle:])


def _apply_together(file: TrackingFile, ids: Sequence[int]) -> None:
    at, by = database_clock.now(), rights.actor_of(file)
    # The mails of thousands of parcels leave behind those of single acts.
    with transaction.atomic(), notifying(enabled=file.notify, mass=True):
        orders = {order.pk: order for order in Order.objects.locked().filter(Among(ids)).only(*COLUMNS)}
        judged = classify.classify(file, ids)
        whole = {each.order_id for each in judged if each.code == "ship" and not each.by_sku}
        row_ids = [each.id for each in judged if each.order_id in whole and each.code in APPLIED]
        refused = ship_together(file, [orders[pk] for pk in sorted(whole)], row_ids, by=by, at=at)
        outcomes, single = list[Outcome](), defaultdict[int, list[Judged]](list)
        for each in judged:
            if each.code in APPLIED and each.order_id not in whole:
                single[each.order_id].append(each)
            else:
                outcomes.append(_outcome(each, refused.get(each.order_id, "")))
        for order_id, rows in single.items():
            outcomes += apply_rows(file, order_id, rows, by=by, at=at)
        write_outcomes(outcomes)


def _outcome(row: Judged, refusal: str) -> Outcome:
    if row.code not in APPLIED:
        return Outcome(row.id, status_of(row.code), row.code, row.detail)
    if refusal:
        return Outcome(row.id, RowStatus.FAILED, "refused", refusal)
    return Outcome(row.id, RowStatus.DONE, row.code, row.detail)


def _end_if_complete(file_id: int) -> bool:
    """End a file whose rows all have an outcome; True if it is over."""
    open_files = TrackingFile.objects.filter(pk=file_id, status=Status.APPLYING)
    if not open_files.exists():
        return True
    if TrackingFileRow.objects.filter(file=file_id, status=RowStatus.PENDING).exists():
        return False
    open_files.update(status=Status.DONE, finished_at=Now(), beat_at=None)
    return True
