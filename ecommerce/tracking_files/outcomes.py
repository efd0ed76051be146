"""The outcomes of rows, and the counts of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count

from ecommerce.models import TrackingFile, TrackingFileRow
from ecommerce.models.order import array_of

# An outcome is final.
WRITE = """
UPDATE ecommerce_trackingfilerow row SET status = given.status, code = given.code, detail = given.detail
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS given(id, status, code, detail)
WHERE row.id = given.id AND row.status = 'pending'
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row."""

    row_id: int
    status: TrackingFileRow.Status
    code: str
    detail: str = ""


def write_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Write them in the transaction that changed the orders."""
    if not outcomes:
        return
    columns = [[str(getattr(each, name)) for each in outcomes] for name in ("status", "code", "detail")]
    with connection.cursor() as cursor:
        cursor.execute(WRITE, [array_of(each.row_id for each in outcomes), *columns])


def count_by_code(file: TrackingFile) -> Counter[str]:
    """Count rows by what they would do, did, or why they did nothing."""
    rows = TrackingFileRow.objects.filter(file=file).order_by().values_list("code").annotate(Count("pk"))
    return Counter(dict(rows))


def count_by_status(file: TrackingFile) -> Counter[str]:
    """Count rows by outcome."""
    rows = TrackingFileRow.objects.filter(file=file).order_by().values_list("status").annotate(Count("pk"))
    return Counter(dict(rows))
