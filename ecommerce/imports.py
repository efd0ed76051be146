"""Imports of files, from the upload to the last row. A small one is applied whole or not at all, within the request.

A large one runs in the background, in batches: each batch and the count of what was worked through are one
transaction, so that no row is written twice, and a row that was changed since the preview is left out and listed.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from backoffice import shutdown, uploads
from backoffice.activity.origin import Origin, acting, current_origin
from backoffice.activity.record import record
from backoffice.imports.importer import Importer
from backoffice.imports.plan import Plan, Problem
from backoffice.models import Activity
from customers.actors import Actor
from customers.models import User
from customers.resources import CustomerResource
from ecommerce.models import FileImport
from ecommerce.resources import ProductResource, SkuResource
from ecommerce.taxes.resources import TaxRateResource

logger = logging.getLogger(__name__)
Status = FileImport.Status

IMPORTERS: dict[str, type[Importer]] = {
    "product": ProductResource,
    "sku": SkuResource,
    "customer": CustomerResource,
    "taxrate": TaxRateResource,
}
OPEN = (Status.CHECKING, Status.APPLYING)
SMALL = 1_000  # changes; more run in the background
SMALL_BYTES = 60_000  # of an XLSX, which says nothing of its rows beforehand
BATCH = 500
LEASE = timedelta(seconds=120)
MAX_ATTEMPTS = 3
SHOWN_FOR = timedelta(hours=2)  # over the list, once it is over


class ImportRefused(Exception):
    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems


def begin(*, kind: str, name: str, data: bytes, by: Actor, at: datetime) -> FileImport:
    """Check a small file at once; a large one is left to `check`, by a worker."""
    started = FileImport(kind=kind, file_name=name[:200], created_at=at, **by.columns)
    small = len(data) <= SMALL_BYTES if data.startswith(b"PK") else _lines(data) <= SMALL
    if small:
        _keep_plan(started, IMPORTERS[kind]().read(data))
    else:
        uploads.save(started.token, data)
    started.save()
    return started


def _lines(data: bytes) -> int:
    return max(data.count(b"\n"), data.count(b"\r"))


def _keep_plan(file_import: FileImport, plan: Plan) -> None:
    uploads.save(f"{file_import.token}.json", plan.to_json())
    file_import.status = Status.REFUSED if plan.problems else Status.READY
    file_import.new, file_import.updated, file_import.unchanged = plan.new, plan.updated, plan.unchanged


def plan_of(file_import: FileImport) -> Plan:
    """Raise FileNotFoundError where it was removed."""
    return Plan.from_json(uploads.read(f"{file_import.token}.json"))


def check(*, import_id: int) -> None:
    """Make the plan of a large file, unless another worker is at it."""
    file_import = _claim(import_id, Status.CHECKING)
    if file_import is None:
        return
    plan = IMPORTERS[file_import.kind]().read(uploads.read(file_import.token))
    uploads.delete(f"{file_import.token}.json")  # of a worker that died after it had written it
    _keep_plan(file_import, plan)
    FileImport.objects.filter(pk=import_id, status=Status.CHECKING).update(
        status=file_import.status, new=plan.new, updated=plan.updated, unchanged=plan.unchanged, beat_at=None,
        attempts=0,
    )  # fmt: skip
    uploads.delete(file_import.token)


def _claim(import_id: int, status: str) -> FileImport | None:
    waiting = FileImport.objects.filter(without_worker(), pk=import_id, status=status)
    if waiting.filter(attempts__gte=MAX_ATTEMPTS).update(
        status=Status.FAILED, message=_("Workers ended three times while they were at it. Split the file.")
    ):
        return None
    if not waiting.update(beat_at=Now(), attempts=F("attempts") + 1, enqueued_at=None):
        return None
    return FileImport.objects.get(pk=import_id)


def without_worker() -> Q:
    return Q(beat_at=None) | Q(beat_at__lte=Now() - LEASE)


def waiting() -> QuerySet[FileImport]:
    return FileImport.objects.filter(without_worker(), status__in=OPEN).order_by("pk")


def confirm(*, import_id: int) -> FileImport:
    """Apply a small import, or leave a large one to the workers; raise ImportRefused, FileNotFoundError.

    FileNotFoundError also stands for an import that was confirmed already.
    """
    file_import = FileImport.objects.get(pk=import_id)
    plan = plan_of(file_import)
    if file_import.changes > SMALL:
        _leave_to_workers(file_import)
        return file_import
    with transaction.atomic(), acting(_origin(file_import)):
        locked = _lock(import_id, Status.READY)
        if locked is None:
            raise FileNotFoundError
        problems = _apply(locked, plan, 0, len(plan.changes))
        if problems:
            raise ImportRefused(problems)
        _finish(locked)
        _record(locked)
    uploads.delete(f"{locked.token}.json")
    return locked


def _leave_to_workers(file_import: FileImport) -> None:
    with transaction.atomic():
        if not FileImport.objects.filter(pk=file_import.pk, status=Status.READY).update(status=Status.APPLYING):
            raise FileNotFoundError
        _record(file_import)
    file_import.status = Status.APPLYING


def _record(file_import: FileImport) -> None:
    note = _("%(new)s new, %(updated)s updated, %(unchanged)s unchanged") % {
        name: f"{getattr(file_import, name):,}" for name in ("new", "updated", "unchanged")
    }
    act, kind, origin = Activity.Act.IMPORTED, Activity.Kind.IMPORT, _origin(file_import)
    record(act=act, kind=kind, obj=file_import, note=note, by=replace(origin, through=""))


def _origin(file_import: FileImport) -> Origin:
    """Whoever confirmed it, in the worker too; from the address of the request, where there is one."""
    asked = current_origin()
    words = _("Import of %(file)s") % {"file": file_import.file_name}
    return file_import.by.origin(address=asked.address if asked else "", through=words)


def _lock(import_id: int, status: str) -> FileImport | None:
    return FileImport.objects.select_for_update(no_key=True).filter(pk=import_id, status=status).first()


def _finish(file_import: FileImport) -> None:
    file_import.status, file_import.applied = Status.DONE, file_import.changes
    file_import.save(update_fields=["status", "applied"])


def _apply(file_import: FileImport, plan: Plan, first: int, last: int) -> list[Problem]:
    importer = IMPORTERS[file_import.kind]()
    new, changed, problems = importer.apply(plan.changes[first:last])
    for objects, flag in ((new, ADDITION), (changed, CHANGE)):
        if objects and file_import.by_user_id:
            words = _("Imported from %(file)s.") % {"file": file_import.file_name}
            log: Any = LogEntry.objects
            log.log_actions(file_import.by_user_id, objects, flag, change_message=words, single_object=False)
    return problems


def stop(*, import_id: int, by: Actor) -> bool:
    """Stop a large import, after the batch that is being written; False if it was not at work."""
    message = _("Stopped by %(who)s. What was written stays; to go on with the rest, upload the file again.")
    with transaction.atomic():
        file_import = FileImport.objects.select_for_update(no_key=True).filter(pk=import_id, status__in=OPEN).first()
        if file_import is None:
            return False
        stopped = {"status": Status.STOPPED, "message": message % {"who": by.label}, "beat_at": None}
        FileImport.objects.filter(pk=import_id).update(**stopped)
        record(act=Activity.Act.STOPPED, kind=Activity.Kind.IMPORT, obj=file_import)
    return True


def recent(*, kind: str, user_id: int | None) -> QuerySet[FileImport]:
    """Return a user's large imports that are at work, or were lately, newest first; small ones were over at once."""
    ended = Q(rows__gt=SMALL) | Q(status__in=(Status.STOPPED, Status.FAILED))
    lately = Q(status__in=OPEN) | Q(created_at__gt=Now() - SHOWN_FOR) & ended
    mine = FileImport.objects.filter(kind=kind, by_user_id=user_id).alias(rows=F("new") + F("updated"))
    return mine.filter(lately).order_by("-pk")


def run(*, import_id: int) -> None:
    """Apply a large import, batch by batch, unless another worker is at it."""
    file_import = _claim(import_id, Status.APPLYING)
    if file_import is None:
        return
    plan = plan_of(file_import)
    while _run_batch(file_import, plan):
        if shutdown.has_begun():
            FileImport.objects.filter(pk=import_id, status=Status.APPLYING).update(beat_at=None)  # for the sweep
            return
    uploads.delete(f"{file_import.token}.json")


def _run_batch(file_import: FileImport, plan: Plan) -> bool:
    """Return whether there is more."""
    with transaction.atomic(), acting(_origin(file_import)):
        locked = _lock(file_import.pk, Status.APPLYING)
        if locked is None:
            return False
        if not _may_import(locked):
            locked.status, locked.message = Status.FAILED, _("Whoever began it may no longer import.")
            locked.save(update_fields=["status", "message"])
            return False
        last = locked.applied + BATCH
        locked.problems += [list(problem) for problem in _apply(locked, plan, locked.applied, last)]
        locked.applied, locked.beat_at, locked.attempts = min(last, len(plan.changes)), Now(), 0
        locked.status = Status.DONE if last >= len(plan.changes) else Status.APPLYING
        locked.save(update_fields=["applied", "problems", "beat_at", "attempts", "status"])
    return locked.status == Status.APPLYING


def _may_import(file_import: FileImport) -> bool:
    user = User.objects.filter(pk=file_import.by_user_id or 0, is_active=True).first()
    label = IMPORTERS[file_import.kind].model._meta.app_label  # noqa: SLF001 - Django's public API
    needed = [f"{label}.{act}_{file_import.kind}" for act in ("add", "change")]
    return user is not None and user.has_perms(needed)
