"""Downloading invoices, second part: the documents of all orders that have theirs, in one ZIP or one PDF."""

import tempfile
import zipfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import RawIOBase
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from backoffice.pdf import join_pdfs
from billing.models import CreditNote, Document, DocumentLost, Invoice
from ecommerce.bulk_jobs.export import ExportWriter, write_file
from ecommerce.bulk_jobs.invoices import documents_of, invoice_id_of, wanted
from ecommerce.models import BulkJob, BulkJobItem, BulkJobSlice, Order

READERS = 8  # of a storage that takes its time to answer
BLOCK_BYTES = 1 << 18


def write_if_complete(job: BulkJob) -> None:
    """Write the file once each order has its outcome, unless it is there, or another worker is at it."""
    if job.file or job.slices.exclude(next_attempt_at=None).exists() or not job.slices.filter(done__gt=0).exists():
        return
    write_file(job.pk, InvoiceWriter)


class InvoiceWriter(ExportWriter):
    """One attempt to write one file of documents. The outcomes of the orders are there before it begins."""

    def blocks(self) -> Iterator[bytes]:
        """Make the ZIP or the PDF."""
        return self._one_pdf() if self.job.parameters.get("file") == "pdf" else self._zipped()

    def published(self) -> dict[str, Any]:
        """Leave the job open: what becomes of it is counted from the outcomes."""
        return {}

    def count_as(self, outcome: str) -> None:
        """Leave the counts: each order has its own outcome."""

    def _zipped(self) -> Iterator[bytes]:
        written = Blocks()
        with zipfile.ZipFile(written, "w") as archive:
            for document, content in self._contents():
                at = timezone.localtime(document.issued_at)
                archive.writestr(zipfile.ZipInfo(document.file_name, at.timetuple()[:6]), content)
                yield written.taken()
        yield written.taken()

    def _one_pdf(self) -> Iterator[bytes]:
        with tempfile.TemporaryFile() as file:
            join_pdfs((content for _document, content in self._contents()), file)
            file.seek(0)
            while block := file.read(BLOCK_BYTES):
                yield block
                self.heartbeat(self.rows)

    def _contents(self) -> Iterator[tuple[Document, bytes]]:
        """Yield each document with what is in it, and count it; fail the order of one that is lost."""
        with ThreadPoolExecutor(READERS) as pool:
            ahead = deque[tuple[BulkJobSlice, int, Document, Future[bytes]]]()
            for job_slice, order_id, document in self._documents():
                ahead.append((job_slice, order_id, document, pool.submit(document.read)))
                if len(ahead) > READERS:
                    yield from self._read(*ahead.popleft())
            while ahead:
                yield from self._read(*ahead.popleft())

    def _documents(self) -> Iterator[tuple[BulkJobSlice, int, Document]]:
        done = BulkJobItem.objects.filter(job=self.job, status=BulkJobItem.Status.DONE)
        for job_slice in self.job.slices.order_by("number").defer("order_ids").iterator(chunk_size=100):
            orders = Order.objects.filter(pk__in=done.filter(slice=job_slice).values("order"))
            by_invoice = dict(orders.values_list("invoice_id", "pk"))
            notes = CreditNote.objects.filter(wanted(self.job), invoice__in=by_invoice, voided_at=None)
            rows = documents_of(Invoice.objects.filter(pk__in=by_invoice), notes)
            issued = rows.filter(status=Document.Status.ISSUED)
            for document in sorted(
                issued, key=lambda each: (by_invoice[invoice_id_of(each)], each.credit_note_id or 0)
            ):
                yield job_slice, by_invoice[invoice_id_of(document)], document

    def _read(
        self, job_slice: BulkJobSlice, order_id: int, document: Document, content: Future[bytes]
    ) -> Iterator[tuple[Document, bytes]]:
        try:
            yield document, content.result()
        except DocumentLost as error:
            self._fail_order(job_slice, order_id, str(error))
        else:
            self.heartbeat(self.rows + 1)

    def _fail_order(self, job_slice: BulkJobSlice, order_id: int, why: str) -> None:
        item = BulkJobItem.objects.filter(slice=job_slice, order=order_id, status=BulkJobItem.Status.DONE)
        with transaction.atomic():
            if self._held().update(beat_at=Now()) and item.update(status=BulkJobItem.Status.FAILED, reason=why):
                BulkJobSlice.objects.filter(pk=job_slice.pk).update(done=F("done") - 1, failed=F("failed") + 1)


class Blocks(RawIOBase):
    """What was written since it was taken last."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def writable(self) -> bool:  # noqa: D102 - RawIOBase's, as `write`
        return True

    def write(self, block: Any) -> int:  # noqa: D102
        self._blocks.append(bytes(block))
        return len(block)

    def taken(self) -> bytes:
        """Return it, and forget it."""
        blocks, self._blocks = self._blocks, []
        return b"".join(blocks)
