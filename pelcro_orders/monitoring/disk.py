"""How much room the database, exports and documents take."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from django.core.files.storage import FileSystemStorage
from django.db import connection

from backoffice import file_storage

SAMPLE = 1000
EXPORTS_FOLDER = "orders"
# Of all documents their number is PostgreSQL's estimate, and their size that of the newest: a sum would read them all.
DOCUMENTS = f"""
SELECT GREATEST(c.reltuples, 0)::bigint, COALESCE((SELECT AVG(size) FROM (
    SELECT size FROM billing_document WHERE status = 'issued' ORDER BY id DESC LIMIT {SAMPLE}) newest), 0)::float8
FROM pg_class c WHERE c.oid = 'billing_document'::regclass
"""  # noqa: S608 - constants
EXPORTS = "SELECT COUNT(*), COALESCE(SUM(file_rows), 0) FROM ecommerce_bulkjob WHERE file <> ''"


@dataclass(frozen=True, slots=True)
class Usage:
    """What is None is not known where files are on S3; `free` and `total` are those of the disk that they are on."""

    documents: int
    documents_bytes: int
    exports: int
    exports_rows: int
    exports_bytes: int | None
    free: int | None
    total: int | None


def usage() -> Usage:
    with connection.cursor() as cursor:
        cursor.execute(DOCUMENTS)
        documents, size = cursor.fetchone() or (0, 0)
        cursor.execute(EXPORTS)
        exports, rows = cursor.fetchone() or (0, 0)
    return Usage(documents, int(documents * size), exports, rows, *_of_disk())


def _of_disk() -> tuple[int | None, int | None, int | None]:
    """Return the bytes of all exports, and how many the disk has free and in all."""
    files = file_storage.storage()
    if not isinstance(files, FileSystemStorage):
        return None, None, None
    folder = Path(files.location)
    exports = sum(path.stat().st_size for path in (folder / EXPORTS_FOLDER).glob("*"))
    while not folder.exists():
        folder = folder.parent
    found = shutil.disk_usage(folder)
    return exports, found.free, found.total
