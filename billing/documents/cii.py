"""A document as Cross Industry Invoice: the XML of Factur-X, in its profile EN 16931."""

from facturx.generate_xml import generate_cii_xml

from billing.documents.document import InvoiceDocument
from billing.documents.terms import business_terms


def cii_xml(document: InvoiceDocument) -> bytes:
    """Write it. Whether it keeps the rules is another question: `check`."""
    xml: bytes = generate_cii_xml(business_terms(document), level="en16931", check_xsd=False, check_schematron=None)
    return xml
