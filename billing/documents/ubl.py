"""A document as UBL 2.1: an Invoice, or a CreditNote."""

from facturx.generate_xml import generate_ubl_xml

from billing.documents.document import InvoiceDocument
from billing.documents.terms import business_terms


def ubl_xml(document: InvoiceDocument) -> bytes:
    """Write it. Whether it keeps the rules is another question: `check`."""
    xml: bytes = generate_ubl_xml(business_terms(document), level="en16931", check_xsd=False, check_schematron=None)
    return xml
