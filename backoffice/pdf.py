"""PDF by typst, from the templates in `templates/documents/`. Data reaches a template as JSON, never as its source.

A template reads `json("data.json")`, images by `stored-image(name)`, and what templates share from `base.typ`.
The same template, data and versions of typst and of the fonts give the same bytes.
"""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import IO, Any, Literal

import typst
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from fontTools.ttLib import TTFont
from pypdfium2 import PdfDocument

Standard = Literal["", "1.7", "a-2b", "a-3b"]

_FONT_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")  # Noto Sans, for the scripts it has
# In JSON: control characters but tab and line feed, what turns the direction of the text after it, lone surrogates,
# and what is no character. The group keeps the escapes that stay.
_UNPRINTABLE = re.compile(
    r'(\\["\\nt])|\\(?:[bfr]|u[0-9a-f]{4})|'
    "[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_NOT_DISPLAYED = re.compile(r'the text `"(.+?)"` could not be displayed', re.DOTALL)
_CODE_POINT = re.compile(r"\\u\{([0-9a-f]+)\}")
_MARKS = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe2f\U0001f3fb-\U0001f3ff]+"
_NO_GLYPH = "\ufffd"
_MOST_TRIES = 5
_KEPT_FOR = 10  # documents
_PDFIUM = Lock()  # its functions may not run side by side


class PdfError(Exception):
    """A template is wrong, or doesn't fit its data; says where."""


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content: bytes  # in UTF-8: typst takes no other file from memory
    mime_type: str
    description: str
    relationship: Literal["alternative", "data", "source", "supplement"] = "alternative"


def compile_pdf(
    template: str,
    data: Mapping[str, Any],
    *,
    created_at: datetime,
    standard: Standard = "",
    attachments: Iterable[Attachment] = (),
    images: Mapping[str, bytes] | None = None,
    tagged: bool = True,
) -> bytes:
    """Raise PdfError. `template` is a name like "invoice.typ", `created_at` the document's own time.

    Tags are what a screen reader goes by: what is only printed needs none.
    """
    given = {f"images/{name}.json": json.dumps(list(content)).encode() for name, content in (images or {}).items()}
    listed = []
    for number, each in enumerate(attachments):
        given[f"attachment-{number}"] = each.content
        about = {"name": each.name, "mime_type": each.mime_type, "description": each.description}
        listed.append({"path": f"/attachment-{number}", "relationship": each.relationship, **about})
    text = json.dumps({**data, "attachments": listed}, cls=DjangoJSONEncoder, ensure_ascii=False)
    text = _UNPRINTABLE.sub(r"\1", text)
    for _ in range(_MOST_TRIES):
        try:
            return _compile(template, given | {"data.json": text.encode()}, created_at, standard, tagged=tagged)
        except typst.TypstError as error:
            displayable = _displayable(text, error.diagnostic)
            if displayable == text:
                raise PdfError(f"{template}: {error.diagnostic or error.message}") from error
            text = displayable
    raise PdfError(f"{template}: it has characters that no font has.")


def _compile(
    template: str, given: Mapping[str, bytes], created_at: datetime, standard: Standard, *, tagged: bool
) -> bytes:
    root = settings.BASE_DIR / "templates" / "documents"
    project: Any = {**given, "main.typ": (root / template).read_bytes()}  # its stubs don't know of files in memory
    compiled: bytes = typst.compile(
        project,
        root=str(root),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        format="pdf",
        pdf_standards=standard or None,
        timestamp=int(created_at.timestamp()),
        pdf_tags=tagged,
    )
    return compiled


def compile_parts(template: str, parts: Iterable[Mapping[str, Any]], *, created_at: datetime) -> bytes:
    """Make one PDF to print of parts, each with pages of its own, in the memory that one part takes."""
    compiled = []
    for data in parts:
        compiled.append(compile_pdf(template, data, created_at=created_at, tagged=False))
        _forget_layouts()
    if len(compiled) == 1:
        return compiled[0]
    joined = BytesIO()
    join_pdfs(compiled, joined)
    return joined.getvalue()


def _forget_layouts() -> None:
    # typst keeps what it laid out until ten more documents have not used it: a megabyte a page.
    empty: Any = {"main.typ": b""}
    for _ in range(_KEPT_FOR + 1):
        typst.compile(empty, format="pdf", font_paths=_fonts(), ignore_system_fonts=True)


def join_pdfs(parts: Iterable[bytes], file: IO[bytes]) -> None:
    """Write the pages of all parts into one file, without what is attached to them."""
    with _PDFIUM:
        joined = PdfDocument.new()
    try:
        for part in parts:
            with _PDFIUM, closing(PdfDocument(part)) as one:
                joined.import_pages(one)
        with _PDFIUM:
            joined.save(file)
    finally:
        with _PDFIUM:
            joined.close()


def _font_directories() -> list[Path]:
    return [Path(str(files(package))) for package in _FONT_PACKAGES]


@cache
def _fonts() -> typst.Fonts:
    paths = [str(path) for path in _font_directories()]
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=paths)


def _displayable(text: str, diagnostic: str) -> str:
    """Put a sign for characters that no font has, take marks off those that no font can set them on.

    PDF/A refuses a document with either. What typst names is not simply replaced: of a digit with a mark, it names
    the digit.
    """
    named = [_CODE_POINT.sub(lambda found: chr(int(found[1], 16)), each) for each in _NOT_DISPLAYED.findall(diagnostic)]
    if not named:
        return text
    for missing in {each for each in text if not each.isascii() and ord(each) not in _characters()}:
        text = text.replace(missing, _NO_GLYPH)
    return re.sub(f"({'|'.join(map(re.escape, named))}){_MARKS}", r"\1", text)


@cache
def _characters() -> frozenset[int]:
    """Return the code points that the fonts have; the faces of a collection have the same ones."""
    found: set[int] = set()
    for directory in _font_directories():
        for path in directory.glob("*.tt[fc]"):
            with TTFont(path, lazy=True, fontNumber=0) as font:
                found.update(font.getBestCmap())
    return frozenset(found)
