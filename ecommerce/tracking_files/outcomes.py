"""The outcomes of rows, and the counts of them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count

from ecommerce.models import TrackingFile, TrackingFileRow
from ecommerce.models.id_arrays import array_of

# An outcome is final.
WRITE = """
UPDATE ecommerce_trackingfilerow row SET status = given.status, code = given.code, detail = given.detail
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS given(id, status, code, detail)
WHERE row.id = given.id AND row.status = 'pending'
"""
# Nearly all rows of a batch end alike: psycopg need not look at each of a thousand values.
WRITE_ALIKE = """
UPDATE ecommerce_trackingfilerow SET status = %s, code = %s, detail = %s
WHERE id = ANY(%s::bigint[]) AND status = 'pending'
"""
MANY = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row."""

    row_id: int
    status: TrackingFileRow.Status
    code: str
    detail: str = ""


def write_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Write them in the transaction that changed the orders."""
    groups = defaultdict[tuple[str, str, str], list[int]](list)
    for each in outcomes:
        groups[each.status.value, each.code, each.detail].append(each.row_id)
    few = [(pk, *said) for said, ids in groups.items() if len(ids) < MANY for pk in ids]
    with connection.cursor() as cursor:
        for said, ids in groups.items():
            if len(ids) >= MANY:
                cursor.execute(WRITE_ALIKE, [*said, array_of(ids)])
        if few:
            ids, *columns = (list(column) for column in zip(*few, strict=True))
            cursor.execute(WRITE, [array_of(ids), *columns])


def count_by_code(file: TrackingFile) -> Counter[str]:
    """Count rows by what they would do, did, or why they did nothing."""
    rows = TrackingFileRow.objects.filter(file=file).order_by().values_list("code").annotate(Count("pk"))
    return Counter(dict(rows))


def count_by_status(file: TrackingFile) -> Counter[str]:
    """Count rows by outcome."""
    rows = TrackingFileRow.objects.filter(file=file).order_by().values_list("status").annotate(Count("pk"))
    return Counter(dict(rows))
