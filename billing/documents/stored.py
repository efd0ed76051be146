"""Compare the files of documents with our rows: after a restore, either may know what the other has lost."""

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from typing import Literal

from django.db.models.functions import Left
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from backoffice import file_storage
from billing.documents.make import FOLDER
from billing.models import CreditNote, Document, Invoice, Seller
from billing.numbers import PREFIXES

Kind = Literal["invoice", "credit_note"]
MONTH = len("/2026/11/")
THREADS = 8


@dataclass(frozen=True, slots=True)
class LostDocument:
    """An issued PDF whose row is gone. `number` is what it says, and `place` that number's place in the count."""

    file: str
    number: str = ""
    kind: Kind | None = None
    place: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """`lost` are files of invoices and credit notes that are not here; `missing` are files that rows name."""

    lost: list[LostDocument] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def highest(self, kind: Kind) -> int:
        """Return the highest place in the count of what is lost; 0 where nothing is."""
        return max((each.place for each in self.lost if each.kind == kind), default=0)


def compare() -> Comparison:
    """List the storage and open what has no row. Raise StorageUnavailable."""
    comparison = Comparison()
    folders = Document.objects.exclude(file="").annotate(folder=Left("file", len(FOLDER) + MONTH))
    with ThreadPoolExecutor(THREADS, thread_name_prefix="documents") as pool:
        for folder in sorted({*_folders(), *folders.values_list("folder", flat=True).distinct()}):
            stored = {folder + name for name in file_storage.names_in(folder)}
            named = set(Document.objects.filter(file__startswith=folder).values_list("file", flat=True))
            comparison.missing.extend(sorted(named - stored))
            unknown = (each for each in sorted(stored - named) if each.endswith(".pdf"))
            comparison.lost.extend(_not_here(pool.map(_title, unknown)))
    return comparison


def _folders() -> Iterator[str]:
    for year in file_storage.folders_in(FOLDER):
        for month in file_storage.folders_in(f"{FOLDER}/{year}"):
            yield f"{FOLDER}/{year}/{month}/"


def _title(name: str) -> tuple[str, str]:
    """Return a PDF's name and title; the title is empty where it is none, as a crash leaves it."""
    file = file_storage.open_file(name)
    if file is None:
        return name, ""
    with file:
        content = file.read()
    try:
        metadata = PdfReader(BytesIO(content)).metadata
    except (PyPdfError, ValueError):
        return name, ""
    return name, (metadata and metadata.title) or ""


def _not_here(titles: Iterable[tuple[str, str]]) -> Iterator[LostDocument]:
    prefixes = _prefixes()
    for name, title in titles:
        document = _named(name, title, prefixes)
        model = Invoice if document.kind == "invoice" else CreditNote
        # A crash leaves a file without a row as well; its invoice is here, and has one or gets one.
        if not document.kind or not model._default_manager.filter(number=document.number).exists():  # noqa: SLF001
            yield document


def _named(name: str, title: str, prefixes: list[tuple[Kind, str]]) -> LostDocument:
    for kind, prefix in prefixes:
        if found := re.search(rf"\s({re.escape(prefix)}(?:\d{{4}}-)?(\d{{6,15}}))$", title, re.ASCII):
            return LostDocument(name, found[1], kind, int(found[2]))
    return LostDocument(name)


def _prefixes() -> list[tuple[Kind, str]]:
    sellers = Seller.objects.values_list("invoice_prefix", "credit_note_prefix")
    pairs: list[tuple[str, str]] = [*sellers, (PREFIXES["invoice"], PREFIXES["credit_note"])]
    return [("invoice", pair[0]) for pair in pairs] + [("credit_note", pair[1]) for pair in pairs]
