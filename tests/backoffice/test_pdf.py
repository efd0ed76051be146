"""PDF: what a template gets, what it can't do, which texts it must bear."""

from base64 import b64decode
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils.translation import gettext_lazy
from pypdf import PdfReader

from backoffice.pdf import Attachment, PdfError, compile_parts, compile_pdf

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAgAAAAECAIAAAA8r+mnAAAAEUlEQVR42mP4z8CAFTFQTwIAWl4f4Q122OMAAAAASUVORK5CYII=")
TEMPLATE = """#import "base.typ": *
#let data = json("data.json")
#show: document-of.with(title: data.at("title", default: ""))
#attach(data.attachments)
#table(columns: (50mm, 1fr), ..data.at("texts", default: ()).map(each => (breakable(each), [end])).flatten())
"""


@pytest.fixture(autouse=True)
def template(tmp_path: Path, settings: LazySettings) -> Path:
    root = tmp_path / "templates" / "documents"
    root.mkdir(parents=True)
    copy(settings.BASE_DIR / "templates" / "documents" / "base.typ", root)
    settings.BASE_DIR = tmp_path
    path = root / "letter.typ"
    path.write_text(TEMPLATE)
    return path


def pdf(*texts: Any, **more: Any) -> PdfReader:
    data = {"texts": texts, "title": "Letter"}
    return PdfReader(BytesIO(compile_pdf("letter.typ", data, created_at=AT, standard="a-3b", **more)))


def words(*texts: Any) -> str:
    return "".join(page.extract_text() for page in pdf(*texts).pages)


def test_the_same_document_has_the_same_bytes_and_its_own_time() -> None:
    first = compile_pdf("letter.typ", {"texts": ["Grüße"]}, created_at=AT, standard="a-3b")
    assert first == compile_pdf("letter.typ", {"texts": ["Grüße"]}, created_at=AT, standard="a-3b")
    about = PdfReader(BytesIO(first)).metadata
    assert about is not None
    assert about.creation_date == AT


@pytest.mark.parametrize("text", ["Łódź", "Ελληνικά", "Київ", "श्रीमान", "汉字漢字", "かな", "한국어", "ไทย"])
def test_it_sets_the_scripts_of_the_world(text: str) -> None:
    assert text[0] in words(text)


def test_it_sets_text_from_right_to_left() -> None:
    assert "محمد" in words("محمد 123") or "دمحم" in words("محمد 123")
    assert "ש" in words("שלום עולם")


def test_it_embeds_all_fonts() -> None:
    fonts: list[Any] = []
    for page in pdf("Latin 汉字 محمد").pages:
        fonts += [each.get_object() for each in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert len(fonts) == 3
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_untrusted_text_stays_text() -> None:
    text = '#panic("x") $x$ *b* \\ ] #read("/etc/passwd") "}'
    assert text in words(text).replace("\n", "")


def test_it_carries_attachments_byte_by_byte() -> None:
    content = "<?xml version='1.0' encoding='UTF-8'?>\r\n<x>ü\u202e</x>\n".encode()
    read = pdf(attachments=[Attachment("factur-x.xml", content, "text/xml", "Invoice")])
    assert read.attachments == {"factur-x.xml": [content]}
    (embedded,) = read.attachment_list
    assert str(embedded.pdf_object["/AFRelationship"]) == "/Alternative"


def test_it_shows_images(template: Path) -> None:
    template.write_text('#import "base.typ": stored-image\n#stored-image("logo", height: 10mm)')
    read = PdfReader(BytesIO(compile_pdf("letter.typ", {}, created_at=AT, images={"logo": PNG})))
    (image,) = read.pages[0]["/Resources"]["/XObject"].values()  # type: ignore[index]
    assert (image["/Width"], image["/Height"]) == (8, 4)


def test_it_takes_numbers_dates_and_lazy_texts() -> None:
    data = {"texts": [gettext_lazy("Order"), str(Decimal("1.50"))], "day": AT.date(), "rate": Decimal("0.19")}
    assert compile_pdf("letter.typ", data, created_at=AT)


@pytest.mark.parametrize(
    "text",
    ["a\0b\x07\x1b\x7f\x85", "\u202eabc", "\ud800", "\uffff", "\\u0007 \\", "\U000e0041", "a\r\nb\tc\u2028d", "👨‍👩‍👧"],
)
def test_it_bears_characters_that_are_none(text: str) -> None:
    assert "end" in words(text)


def test_it_puts_a_sign_for_characters_that_no_font_has() -> None:
    assert "a\ufffd1\ufffdb 1" in words("a\u03781\ue000b 1\u20e3 1234567890")
    assert "1234567890" in words("\U00020000 1\u20e3 1234567890")


def test_a_word_of_any_length_breaks_in_its_column() -> None:
    read = pdf("W" * 10_000)
    assert len(read.pages) > 3
    assert all("end" not in page.extract_text() for page in read.pages[1:])
    right = [float(matrix[4]) for page in read.pages for matrix in _places(page)]
    assert max(right) < 595


def _places(page: Any) -> list[Any]:
    found: list[Any] = []
    page.extract_text(visitor_text=lambda _text, _cm, matrix, *_rest: found.append(matrix))
    return found


def test_a_long_text_goes_on_for_pages() -> None:
    text = words("word " * 2_000)
    assert text.count("word") == 2_000


def test_parts_become_one_file() -> None:
    joined = compile_parts("letter.typ", [{"texts": ["one"]}, {"texts": ["two", "汉字"]}], created_at=AT)
    assert [page.extract_text().split()[0] for page in PdfReader(BytesIO(joined)).pages] == ["one", "two"]


def test_an_error_in_a_template_says_where(template: Path) -> None:
    template.write_text('#let data = json("data.json")\n#data.nothing')
    with pytest.raises(PdfError, match=r"letter\.typ: .*nothing(.|\n)*:2:"):
        compile_pdf("letter.typ", {}, created_at=AT)


def test_a_template_reads_no_file_outside_of_the_templates(template: Path) -> None:
    template.write_text('#read("../../../../etc/hostname")')
    with pytest.raises(PdfError, match="escape"):
        compile_pdf("letter.typ", {}, created_at=AT)
