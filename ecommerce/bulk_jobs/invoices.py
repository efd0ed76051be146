"""Downloading invoices, first part: each order's documents are made where they are missing.

Unlike the other acts this one locks no order and changes none; its work lies outside of transactions, and is done.
"""

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from backoffice import shutdown
from billing.documents.make import make_many, queue_missing
from billing.downloads import why_broken, why_none
from billing.models import CreditNote, Document, Invoice
from ecommerce.bulk_jobs import leases, outcomes, slices
from ecommerce.bulk_jobs.outcomes import Outcome, Status
from ecommerce.models import BulkJob, BulkJobSlice, Order

AT_ONCE = 20  # orders between two looks at whether to stop


def make_slice(job: BulkJob, job_slice: BulkJobSlice) -> None:
    """Make what is missing of a slice that the caller has claimed; killed, the next worker goes on behind it."""
    slices.expand(job_slice)
    pending = leases.pending_order_ids(job_slice)
    for first in range(0, len(pending), AT_ONCE):
        if not _may_go_on(job, job_slice):
            return
        ids = pending[first : first + AT_ONCE]
        found = make_documents(job, ids)
        with transaction.atomic():
            if not leases.lease_is_held(job_slice):
                return  # another worker goes on with it
            outcomes.write(job_slice, found)
            slices.log_outcomes(
                job, job_slice, dict(Order.objects.filter(pk__in=ids).values_list("pk", "number")), found
            )
    with transaction.atomic():
        leases.release_slice(job_slice)
        outcomes.update_counts(job)


def _may_go_on(job: BulkJob, job_slice: BulkJobSlice) -> bool:
    current = leases.heartbeat(job.pk)
    if current is None or not leases.renew_slice(job_slice):
        return False
    if current.status == BulkJob.Status.STOPPING or shutdown.has_begun():
        with transaction.atomic():
            leases.release_slice(job_slice)
        return False
    return True


def make_documents(job: BulkJob, order_ids: Sequence[int]) -> list[Outcome]:
    """Return the outcomes; an order whose document another worker is at has none yet."""
    orders = Order.objects.filter(pk__in=order_ids).select_related("invoice").order_by("pk")
    paid = [each.invoice for each in orders if each.invoice and each.invoice.status == Invoice.Status.PAID]
    documents = _made(paid, _credit_notes(job, paid))
    found = [_outcome(order, documents.get(order.invoice_id or 0, ())) for order in orders]
    return [outcome for outcome in found if outcome.status != Status.PENDING]


def _credit_notes(job: BulkJob, invoices: Sequence[Invoice]) -> list[CreditNote]:
    return list(CreditNote.objects.filter(wanted(job), invoice__in=invoices, voided_at=None))


def wanted(job: BulkJob) -> Q:
    """Whether credit notes are asked for."""
    return Q() if job.parameters.get("credit_notes") else Q(pk__in=[])


def _made(invoices: Sequence[Invoice], credit_notes: Sequence[CreditNote]) -> dict[int, list[Document]]:
    """Return the documents by their invoice, each made as far as it can be."""
    rows = documents_of(invoices, credit_notes)
    of_invoices = {document.invoice_id for document in rows}
    of_notes = {document.credit_note_id for document in rows}
    missing = [each for each in invoices if each.pk not in of_invoices]
    missing_notes = [each for each in credit_notes if each.pk not in of_notes]
    if missing or missing_notes:
        queue_missing(invoices=missing, credit_notes=missing_notes)
        rows = documents_of(invoices, credit_notes)
    queued = [document.pk for document in rows if document.status == Document.Status.QUEUED]
    if queued:
        make_many(queued)
        rows = documents_of(invoices, credit_notes)
    found: dict[int, list[Document]] = {}
    for document in rows:
        found.setdefault(invoice_id_of(document), []).append(document)
    return found


def documents_of(invoices: Iterable[Invoice], credit_notes: Iterable[CreditNote]) -> QuerySet[Document]:
    """Return their PDF documents."""
    of_them = Q(invoice__in=invoices) | Q(credit_note__in=credit_notes)
    rows = Document.objects.filter(of_them, format=Document.Format.PDF).select_related("invoice", "credit_note")
    return rows.order_by("pk")


def invoice_id_of(document: Document) -> int:
    """Return the key of its invoice, or of the one that it corrects."""
    of = document.of
    return of.invoice_id if isinstance(of, CreditNote) else of.pk


def _outcome(order: Order, documents: Sequence[Document]) -> Outcome:
    invoice = order.invoice
    if invoice is None:
        words = _("Order %(number)s has no invoice: it gets one once it is paid.")
        return Outcome(order.pk, Status.SKIPPED, words % {"number": order.number})
    if not documents:
        return Outcome(order.pk, Status.SKIPPED, why_none(invoice))
    broken = [why_broken(document) for document in documents if document.status == Document.Status.BROKEN]
    if broken:
        return Outcome(order.pk, Status.FAILED, " ".join(broken))
    is_done = all(document.status == Document.Status.ISSUED for document in documents)
    return Outcome(order.pk, Status.DONE if is_done else Status.PENDING)
