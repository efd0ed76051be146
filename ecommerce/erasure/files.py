"""Files that name the person: exports with their orders, and imports that wait for confirmation."""

import json

from django.db.models import Q
from django.utils.translation import gettext as _

from backoffice import file_storage, uploads
from ecommerce.erasure.words import Words
from ecommerce.models import BulkJob, FileImport
from ecommerce.notes import delete_notes

FILES = (BulkJob.Action.EXPORT, BulkJob.Action.INVOICES)


def remove_files(order_ids: list[int], words: Words) -> None:
    """Delete the files first, then note it: after a crash in between, both are done again. Raise OSError."""
    _remove_exports(order_ids)
    delete_notes(order_ids)
    for file_import in FileImport.objects.filter(kind="customer"):
        if _names(file_import, words):
            _remove_import(file_import)


def _remove_exports(order_ids: list[int]) -> None:
    theirs = Q(slices__order_ids__overlap=order_ids, action__in=FILES) & ~Q(file="")
    for job in BulkJob.objects.filter(theirs).distinct() if order_ids else ():
        if file_storage.delete([job.file]):
            raise OSError(f"The file of bulk job {job.pk} can't be deleted now.")
        said = _("The file is deleted: it named a person who has been erased. Ask for another if you need the others.")
        BulkJob.objects.filter(pk=job.pk, file=job.file).update(file="", file_rows=0, message=said)


def _names(file_import: FileImport, words: Words) -> bool:
    try:
        plan = json.dumps(json.loads(uploads.read(f"{file_import.token}.json")), ensure_ascii=False).lower()
    except FileNotFoundError:  # applied, or removed after a day
        return False
    return any(each.lower() in plan for each in (*words.emails, *words.names))


def _remove_import(file_import: FileImport) -> None:
    uploads.delete(f"{file_import.token}.json")
    said = _("The file named a person who has been erased, and is deleted. Import it again without that row.")
    waiting = FileImport.objects.filter(pk=file_import.pk, status=FileImport.Status.READY)
    waiting.update(status=FileImport.Status.FAILED, message=said)
