"""Make the files of invoices and credit notes: each under a lease, outside any transaction, never changed once issued.

The file is written first and the row points to it last. Whoever dies in between leaves a file that the next attempt,
which makes the same bytes, finds and takes; of two workers one wins the row, and the other deletes what it wrote.
"""

import hashlib
import logging
from collections.abc import Callable, Collection
from datetime import timedelta
from functools import lru_cache
from typing import Any, cast

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import translation
from django.utils.translation import gettext as _

from backoffice import file_storage, leases, logs, shutdown
from backoffice.file_storage import StorageUnavailable
from backoffice.process_leases import process_lease, renew
from backoffice.transactions import without_sync_commit
from billing.documents.build import document_of
from billing.documents.check import CheckTookLong, CheckUnavailable, Syntax
from billing.documents.document import InvoiceDocument
from billing.documents.electronic import checked_xml, factur_x_attachment
from billing.documents.errors import CannotIssue
from billing.documents.factur_x import marked
from billing.documents.late import freeze_what_was_missing
from billing.documents.parts import address_party, seller_party
from billing.documents.pdf import pdf_of
from billing.documents.terms import is_electronic
from billing.models import CreditNote, Document, Invoice, SellerVersion

logger = logging.getLogger(__name__)

FOLDER = "documents"
BACKOFF = leases.Backoff(first=timedelta(seconds=5), longest=timedelta(hours=1), jitter=0.5)
MAX_ATTEMPTS = 6  # of one that can't be made, or ends its worker each time; then people are told
DUE = Q(status=Document.Status.QUEUED)
_told: list[Callable[[Document], None]] = []
RELATED = ("invoice__seller", "credit_note__seller", "credit_note__refund", "credit_note__invoice__seller")
PARTS = ("invoice__lines", "invoice__taxes")
LOGOS = ("invoice__seller__logo", "credit_note__seller__logo", "credit_note__invoice__seller__logo")


# Queueing


def queue_missing(
    *,
    invoices: Collection[Invoice] = (),
    credit_notes: Collection[CreditNote] = (),
    format: str = Document.Format.PDF,  # noqa: A002
) -> None:
    """Queue what was never asked for: XML, and the documents of invoices from before there were any, once paid."""
    wanted = [Document(invoice=each, format=format) for each in invoices if each.status == Invoice.Status.PAID]
    wanted += [Document(credit_note=each, format=format) for each in credit_notes]
    Document.objects.bulk_create(wanted, ignore_conflicts=True)


def document_for(issued: Invoice | CreditNote, format: str = Document.Format.PDF) -> Document | None:  # noqa: A002
    """Return the document, queued now if it never was; None for an invoice that is not paid, and where none is due."""
    rows = issued.documents.filter(format=format)
    found = rows.first()
    if found is None and format in formats_of(issued):
        if isinstance(issued, CreditNote):
            queue_missing(credit_notes=[issued], format=format)
        else:
            queue_missing(invoices=[issued], format=format)
        found = rows.first()
    return found


def formats_of(issued: Invoice | CreditNote) -> list[Document.Format]:
    """Return in which formats it may be had: as PDF, and once that was issued with XML, as XML alone."""
    invoice = issued.invoice if isinstance(issued, CreditNote) else issued
    if invoice.status != Invoice.Status.PAID:
        return []
    seller, buyer = seller_party(issued.seller or invoice.seller), address_party(invoice.bill_to)
    pdf = {each.status for each in issued.documents.all() if each.format == Document.Format.PDF}
    has_xml = Document.Status.ISSUED in pdf and is_electronic(seller, buyer)
    return list(Document.Format) if has_xml else [Document.Format.PDF]


def queue_again(documents: QuerySet[Document]) -> int:
    """Have documents that could not be issued tried again; return how many."""
    broken = Document.objects.filter(pk__in=documents.values("pk"), status=Document.Status.BROKEN)
    again: dict[str, Any] = {"problems": [], "attempts": 0, "next_attempt_at": Now()}
    return broken.update(status=Document.Status.QUEUED, **again)


def queue_mended(*rules: str) -> int:
    """Have those tried again that waited for a setting which was changed now."""
    of_rules = Q(pk__in=[])
    for rule in rules:
        of_rules |= Q(problems__contains=[{"rule": rule}])
    return queue_again(Document.objects.filter(of_rules))


# Making


def when_issued(tell: Callable[[Document], None]) -> None:
    """Have each document told of once it is issued, in the transaction that issues it."""
    _told.append(tell)


def waiting() -> QuerySet[Document]:
    """Return the documents that are due."""
    return Document.objects.filter(DUE, next_attempt_at__lte=Now())


def make_due(*, until: float) -> bool:
    """Make documents that are due, the earliest first, and return whether some are left at `until`, a monotonic moment.

    One process at a time, so that a hundred thousand of them keep no worker from payments.
    """
    with process_lease("making documents") as alone:
        if not alone:
            return False
        while not shutdown.time_is_up(until):
            renew()
            claimed = leases.claim(_with_all_it_says(Document.objects.filter(DUE)))
            if not claimed:
                return False
            _make(claimed[0])
    return waiting().exists()


def make_now(document_id: int) -> Document:
    """Make one document, unless that is done or another process is at it; return it as it is then."""
    for document in leases.claim(_with_all_it_says(Document.objects.filter(DUE, pk=document_id))):
        _make(document)
    return Document.objects.select_related("invoice", "credit_note").get(pk=document_id)


def make_many(document_ids: Collection[int]) -> None:
    """Make documents, leased and read together; those that an attempt ended with before, each on its own."""
    queued = Document.objects.filter(DUE, pk__in=document_ids)
    fresh = _with_all_it_says(queued.filter(pk__in=[*queued.filter(attempts=0).values_list("pk", flat=True)]))
    for document in leases.claim(fresh.prefetch_related(*PARTS), limit=len(document_ids)):
        _make(document)
    # One of them may be what ends workers.
    for document_id in queued.filter(attempts__gt=0, next_attempt_at__lte=Now()).values_list("pk", flat=True):
        make_now(document_id)


def _with_all_it_says(documents: QuerySet[Document]) -> QuerySet[Document]:
    return documents.select_related(*RELATED).defer(*LOGOS)


@lru_cache(maxsize=8)
def _logo(version_id: int) -> bytes:
    """Return the logo of a version, which never changes; nothing if it has none."""
    return bytes(SellerVersion.objects.values_list("logo", flat=True).get(pk=version_id) or b"")


def logo_of(issued: Invoice | CreditNote) -> bytes:
    """Return the seller's logo as it was; nothing if there was none."""
    return _logo(issued.seller_id) if issued.seller_id else b""


def _log_ids(document: Document) -> dict[str, Any]:
    invoice = document.of.invoice if isinstance(document.of, CreditNote) else document.of
    return {
        "document_id": document.pk,
        "format": document.format,
        "number": document.of.number,
        "order": invoice.reference,
    }


def _make(document: Document) -> None:
    with logs.bound(**_log_ids(document)):
        _try(document)


def _try(document: Document) -> None:
    try:
        _issue(document, _content(document))
    except CannotIssue as error:
        logs.info(logger, "Document can't be issued", rules=[problem["rule"] for problem in error.problems])
        leases.release(document, next_attempt_at=None, status=Document.Status.BROKEN, problems=error.problems)
    except CheckTookLong:
        leases.release(document, next_attempt_at=Now(), attempts=document.attempts - 1)
    except CheckUnavailable as error:
        _could_not_check(document, error)
    except (OperationalError, InterfaceError):
        raise  # the database is gone: the next attempt comes after the lease
    except StorageUnavailable:
        # However long that takes, it comes to no end for it.
        leases.postpone(document, backoff=BACKOFF, attempts=min(document.attempts, MAX_ATTEMPTS - 1))
    except Exception:
        logger.exception("The %s of %s could not be made.", document.format, document.of)
        leases.postpone(document, backoff=BACKOFF)


def _could_not_check(document: Document, error: CheckUnavailable) -> None:
    logger.warning("The %s of %s could not be checked: %s", document.format, document.of, error)
    if document.attempts < MAX_ATTEMPTS:
        leases.postpone(document, backoff=BACKOFF)
        return
    words = _("The program that checks it by the rules of electronic invoices gave no answer: press Issue again.")
    problems = [{"rule": "check", "words": words}]
    leases.release(document, next_attempt_at=None, status=Document.Status.BROKEN, problems=problems)


def _content(document: Document) -> bytes:
    """Return the file; raise CannotIssue."""
    issued = document.of
    with translation.override(settings.LANGUAGE_CODE):
        # Its lease counts, too: one that ends its worker each time comes to an end.
        if document.attempts > MAX_ATTEMPTS:
            raise CannotIssue("pdf", _("Its PDF could not be made %(times)s times.") % {"times": MAX_ATTEMPTS})
        freeze_what_was_missing(issued)
        says = document_of(issued)
        if document.format == Document.Format.PDF:
            return _pdf(issued, says)
        return checked_xml(says, cast(Syntax, document.format))


def _pdf(issued: Invoice | CreditNote, says: InvoiceDocument) -> bytes:
    xml = [factur_x_attachment(says)] if is_electronic(says.seller, says.buyer) else []
    pdf = pdf_of(says, created_at=issued.issued_at, logo=logo_of(issued), attachments=xml)
    return marked(pdf) if xml else pdf


def _issue(document: Document, content: bytes) -> None:
    """Keep the file, then have the row point to it; delete it again where another worker was first."""
    digest = hashlib.sha256(content).hexdigest()
    file = _keep(document, content, digest)
    changes: dict[str, Any] = {"file": file, "sha256": digest, "size": len(content), "problems": []}
    with transaction.atomic():
        without_sync_commit()  # after a crash the row is queued, and the next attempt finds the file
        issued = leases.release(
            document, next_attempt_at=None, status=Document.Status.ISSUED, issued_at=Now(), **changes
        )
        for tell in _told if issued else ():
            tell(document)
        if issued:
            logs.info_on_commit(logger, "Document issued")
    # One that is not issued yet may be about to point to this very file.
    if (
        not issued
        and Document.objects.filter(pk=document.pk, status=Document.Status.ISSUED).exclude(file=file).exists()
    ):
        file_storage.delete([file])


def _keep(document: Document, content: bytes, digest: str) -> str:
    name = f"{FOLDER}/{document.leased_at:%Y/%m}/{document.pk}-{digest[:16]}.{document.format}"
    left = file_storage.open_file(name)
    if left is not None:
        with left:
            written = left.read()
        if written == content:
            return name  # a worker died after it had written it
        if content.startswith(written):
            file_storage.delete([name])  # a full disk, or a worker's end, cut it off: each attempt would leave one more
    # Of any other content it stays: the storage gives this one another name.
    return file_storage.save(name, ContentFile(content))
