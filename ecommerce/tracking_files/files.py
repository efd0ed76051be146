"""A tracking file from the upload on: its columns named, its rows read and previewed, begun, stopped, tried again."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice import uploads
from backoffice.activity.record import record
from backoffice.imports.sheets import Sheet, UnreadableFile, read_head, read_sheet
from backoffice.models import Activity
from customers.actors import Actor
from ecommerce.models import TrackingFile, TrackingFileRow
from ecommerce.shipping.carriers import carrier_name
from ecommerce.tracking_files import columns as layouts
from ecommerce.tracking_files.classify import close_without_order, find_orders, write_codes
from ecommerce.tracking_files.columns import Columns
from ecommerce.tracking_files.rows import MOST_ROWS, shown, write_rows

Status, RowStatus = TrackingFile.Status, TrackingFileRow.Status
SMALL_BYTES = 60_000  # read within the request; an XLSX of that size has some 2,000 rows
SAMPLE = 3
LEASE = timedelta(seconds=120)
WORKER_TIMEOUT = timedelta(seconds=12)  # less than the 15 s between two sweeps
MAX_ATTEMPTS = 3


class TrackingFileError(Exception):
    """The text is a sentence for the user."""


def begin(*, name: str, data: bytes, carrier: str, by: Actor, at: datetime, notify: bool = True) -> TrackingFile:
    """Keep an upload; raise UnreadableFile. Where the carrier's columns are known, its rows are read at once or soon.

    The caller enqueues a file that is being read.
    """
    is_small = len(data) <= SMALL_BYTES
    sheet = _sheet(data) if is_small else _checked(read_head(data, layouts.is_known))
    carrier = carrier_name(carrier, [])[:100]
    file = TrackingFile(file_name=name[:200], carrier=carrier, headers=sheet.headers, created_at=at, **by.columns)
    file.notes, file.notify = sheet.notes, notify
    uploads.save(file.token, data)
    file.save()
    known = layouts.remembered(carrier, sheet.headers)
    return _read_with(file, known, sheet if is_small else None) if known else file


def _sheet(data: bytes) -> Sheet:
    return _checked(read_sheet(data, layouts.is_known, most=MOST_ROWS))


def _checked(sheet: Sheet) -> Sheet:
    doubled = {header for header in sheet.headers if sheet.headers.count(header) > 1}
    if doubled:
        sentence = _("Two columns are called “%(header)s”: give one of them another name.")
        raise UnreadableFile(sentence % {"header": min(doubled)})
    return sheet


def sample(file: TrackingFile) -> list[list[str]]:
    """Return the first rows of an upload; none where it is gone."""
    try:
        rows = read_head(uploads.read(file.token), layouts.is_known).rows[:SAMPLE]
    except FileNotFoundError:
        return []
    return [[shown(cell) for cell in cells] for _number, cells in rows]


def name_columns(*, file_id: int, columns: Columns) -> TrackingFile:
    """Say which columns hold what, and remember it for the carrier; raise TrackingFileError."""
    file = TrackingFile.objects.get(pk=file_id)
    if file.status not in {Status.MAPPING, Status.READY}:
        raise TrackingFileError(_("%(file)s was applied already: its columns stay.") % {"file": file})
    try:
        data = uploads.read(file.token)
    except FileNotFoundError:
        raise TrackingFileError(_("The upload was removed: upload the file again.")) from None
    layouts.remember(file.carrier, columns)
    return _read_with(file, columns, _sheet(data) if len(data) <= SMALL_BYTES else None)


def _read_with(file: TrackingFile, columns: Columns, sheet: Sheet | None) -> TrackingFile:
    file.columns, file.status = dict(columns), Status.READING
    with transaction.atomic():
        file.save(update_fields=["columns", "status"])
        if sheet is not None:
            _write_preview(file, sheet)
    return file


def read(*, file_id: int) -> None:
    """Read the rows of a large file, unless another worker is at it."""
    waiting = TrackingFile.objects.filter(_free(LEASE), pk=file_id, status=Status.READING)
    if waiting.filter(attempts__gte=MAX_ATTEMPTS).update(
        status=Status.FAILED, message=_("Workers ended three times while they were at it. Split the file.")
    ):
        return
    if not waiting.update(beat_at=Now(), attempts=F("attempts") + 1, enqueued_at=None):
        return
    file = TrackingFile.objects.get(pk=file_id)
    try:
        sheet = _sheet(uploads.read(file.token))
    except (FileNotFoundError, UnreadableFile) as error:
        gone = _("The upload was removed: upload the file again.")
        message = str(error) if isinstance(error, UnreadableFile) else gone
        TrackingFile.objects.filter(pk=file_id).update(status=Status.FAILED, message=message)
        return
    with transaction.atomic():
        _write_preview(file, sheet)


def _write_preview(file: TrackingFile, sheet: Sheet) -> None:
    locked = TrackingFile.objects.select_for_update(no_key=True).get(pk=file.pk)
    if locked.status != Status.READING:
        return  # another worker was quicker
    TrackingFileRow.objects.filter(file=file).delete()
    write_rows(file, sheet)
    judge(file)
    file.status = Status.READY
    TrackingFile.objects.filter(pk=file.pk).update(status=Status.READY, beat_at=None, attempts=0)


def judge(file: TrackingFile) -> None:
    """Write what each pending row would do as the orders are now."""
    find_orders(file)
    close_without_order(file, status=RowStatus.PENDING)
    write_codes(file)


def apply(*, file_id: int, accept_doubtful: bool, by: Actor) -> TrackingFile:
    """Have the workers apply a file; a second press finds it begun. The caller enqueues it. Raise TrackingFileError."""
    with transaction.atomic():
        file = _locked(file_id)
        if file.status == Status.READY:
            file.accept_doubtful = accept_doubtful
            _start(file, by)
            note = _("Tracking numbers of %(rows)s rows") % {"rows": f"{file.rows.count():,}"}
            record(act=Activity.Act.IMPORTED, kind=Activity.Kind.IMPORT, obj=file, note=note)
        elif not file.started_at:
            raise TrackingFileError(_("The rows of %(file)s were not read yet.") % {"file": file})
    return file


def _start(file: TrackingFile, by: Actor) -> None:
    find_orders(file)
    close_without_order(file, status=RowStatus.FAILED)
    now = {"started_at": Now(), "finished_at": None, "beat_at": None, "message": "", "status": Status.APPLYING}
    TrackingFile.objects.filter(pk=file.pk).update(accept_doubtful=file.accept_doubtful, **now, **by.columns)
    file.refresh_from_db()


def stop(*, file_id: int, by: Actor) -> bool:
    """Stop a file after the batches that are being written; False if it was not at work."""
    message = _("Stopped by %(who)s. What was shipped stays.") % {"who": by.label}
    with transaction.atomic():
        file = TrackingFile.objects.select_for_update(no_key=True).filter(pk=file_id, status=Status.APPLYING).first()
        if file is None:
            return False
        TrackingFile.objects.filter(pk=file_id).update(status=Status.STOPPED, message=message, beat_at=None)
        record(act=Activity.Act.STOPPED, kind=Activity.Kind.IMPORT, obj=file)
    return True


def try_again(*, file_id: int, by: Actor) -> bool:
    """Go on with what has no outcome, was skipped or failed; False if the file is not over. The caller enqueues it.

    Raise TrackingFileError.
    """
    with transaction.atomic():
        file = _locked(file_id)
        if file.status not in {Status.STOPPED, Status.DONE}:
            return False
        TrackingFileRow.objects.filter(file=file, status__in=(RowStatus.SKIPPED, RowStatus.FAILED)).update(
            status=RowStatus.PENDING
        )
        _start(file, by)
        record(act=Activity.Act.RETRIED, kind=Activity.Kind.IMPORT, obj=file)
    return True


def older_than(age: timedelta) -> QuerySet[TrackingFile]:
    """Files that are removed after so long, unless a worker is at them; nothing is begun with them any more."""
    at_work = (Status.READING, Status.APPLYING)
    return TrackingFile.objects.filter(created_at__lte=Now() - age).exclude(status__in=at_work)


def _locked(file_id: int) -> TrackingFile:
    file = TrackingFile.objects.select_for_update(no_key=True).get(pk=file_id)
    age = timedelta(days=settings.IMPORT_DAYS)
    if age and older_than(age).filter(pk=file_id).exists():
        # Some of its rows may be gone already.
        sentence = _("%(file)s is older than %(days)s days and is about to be removed: upload it again.")
        raise TrackingFileError(sentence % {"file": file, "days": age.days})
    return file


def _free(lease: timedelta) -> Q:
    return Q(beat_at=None) | Q(beat_at__lte=Now() - lease)


def waiting() -> QuerySet[TrackingFile]:
    """Files that workers should be at, and none is."""
    reading = Q(status=Status.READING) & _free(LEASE)
    applying = Q(status=Status.APPLYING) & _free(WORKER_TIMEOUT)
    return TrackingFile.objects.filter(reading | applying).order_by("pk")
