"""The files of invoices and credit notes: written once, never changed."""

import hashlib
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice import file_storage
from billing.models.invoice import CreditNote, Invoice

ENDINGS = {"pdf": "pdf", "cii": "cii.xml", "ubl": "ubl.xml"}


class DocumentLost(Exception):
    """An issued file is gone from the storage, or is not what was issued; the text is a sentence for the user."""


class Document(models.Model):
    """An invoice or a credit note in one format, made by a worker once the money is there; the row is the queue.

    `file` is its name on the export storage, and holds the hash of what is in it; it is written before the row names
    it. `problems` lists why it could not be issued: `rule` and `words`.
    """

    class Format(models.TextChoices):
        PDF = "pdf", _("PDF")
        CII = "cii", _("XML (Factur-X)")
        UBL = "ubl", _("XML (UBL)")

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        ISSUED = "issued", _("Issued")
        BROKEN = "broken", _("Broken")

    invoice = models.ForeignKey(Invoice, models.PROTECT, null=True, related_name="documents", db_index=False)
    credit_note = models.ForeignKey(CreditNote, models.PROTECT, null=True, related_name="documents", db_index=False)
    format = models.CharField(_("format"), max_length=3, choices=Format, default=Format.PDF)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.QUEUED)
    problems = models.JSONField(_("problems"), default=list)
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    size = models.PositiveIntegerField(_("size"), default=0, editable=False)
    file = models.CharField(max_length=200, blank=True, editable=False)
    leased_at: datetime  # the database's time, on rows that `leases.claim` returned
    attempts = models.PositiveIntegerField(_("attempts"), default=0, editable=False)
    next_attempt_at = models.DateTimeField(_("next attempt"), db_default=Now(), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    issued_at = models.DateTimeField(_("issued"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        default_permissions = ()
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(status="queued"), name="document_due"),
            models.Index(fields=["id"], condition=Q(status="broken"), name="document_broken"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["invoice", "format"], condition=Q(invoice__isnull=False), name="document_of_invoice"
            ),
            models.UniqueConstraint(
                fields=["credit_note", "format"], condition=Q(credit_note__isnull=False), name="document_of_credit_note"
            ),
            models.CheckConstraint(
                condition=Q(invoice__isnull=False, credit_note=None) | Q(invoice=None, credit_note__isnull=False),
                name="document_of_one",
            ),
            models.CheckConstraint(
                condition=Q(status="issued", issued_at__isnull=False, next_attempt_at=None)
                & ~Q(file="")
                & ~Q(sha256="")
                | ~Q(status="issued") & Q(issued_at=None, file="", sha256="", size=0),
                name="document_issued",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def of(self) -> Invoice | CreditNote:
        """The invoice or credit note that it is."""
        of = self.invoice or self.credit_note
        assert of is not None  # noqa: S101 - a constraint holds it
        return of

    @property
    def file_name(self) -> str:
        """As it is downloaded and attached."""
        number = self.of.number.replace("/", "-")
        return f"{number}.{ENDINGS[self.format]}"

    def read(self) -> bytes:
        """Return the file, byte for byte as it was issued; raise DocumentLost, StorageUnavailable."""
        content = b""
        file = file_storage.open_file(self.file)
        if file is not None:
            with file:
                content = file.read()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise DocumentLost(
                _("The file of %(name)s is not what was issued: put %(file)s back from a backup.")
                % {"name": self.file_name, "file": self.file}
            )
        return content
