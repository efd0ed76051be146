"""The XML of a document, held against the official rules before it is issued, and as an attachment of its PDF."""

from collections.abc import Callable

from backoffice.pdf import Attachment
from billing.documents.check import Syntax, check
from billing.documents.cii import cii_xml
from billing.documents.document import InvoiceDocument
from billing.documents.errors import BreaksRules
from billing.documents.factur_x import FILE_NAME, MIME_TYPE
from billing.documents.ubl import ubl_xml

_WRITERS: dict[Syntax, Callable[[InvoiceDocument], bytes]] = {"cii": cii_xml, "ubl": ubl_xml}


def checked_xml(document: InvoiceDocument, syntax: Syntax) -> bytes:
    """Return the XML; raise BreaksRules, CheckUnavailable."""
    xml = _WRITERS[syntax](document)
    if problems := check(xml, syntax=syntax):
        raise BreaksRules(problems)
    return xml


def factur_x_attachment(document: InvoiceDocument) -> Attachment:
    """Return the XML to attach to the PDF, once both syntaxes keep the rules; raise as `checked_xml`."""
    xml = checked_xml(document, "cii")
    checked_xml(document, "ubl")
    return Attachment(
        name=FILE_NAME, content=xml, mime_type=MIME_TYPE, description="Factur-X", relationship="alternative"
    )
