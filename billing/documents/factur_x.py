"""The marks by which readers know a PDF as Factur-X: what its metadata say of the XML that is attached to it.

typst attaches the file and writes PDF/A-3, but no metadata of others.
"""

from io import BytesIO
from typing import cast

from facturx.facturx import FACTURX_FILENAME, FACTURX_LEVEL2xmp
from lxml import etree
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject

FILE_NAME: str = FACTURX_FILENAME
MIME_TYPE = "text/xml"

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_SCHEMA = "http://www.aiim.org/pdfa/ns/schema#"
_NAMESPACES = {"rdf": _RDF, "extension": "http://www.aiim.org/pdfa/ns/extension/"}
_FX = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = {
    "DocumentFileName": (FILE_NAME, "name of the embedded XML invoice file"),
    "DocumentType": ("INVOICE", "type of the hybrid document"),
    "Version": ("1.0", "version of the Factur-X XML schema"),
    "ConformanceLevel": (FACTURX_LEVEL2xmp["en16931"], "conformance level of the embedded Factur-X data"),
}
_PROPERTY = """
    <rdf:li rdf:parseType="Resource"><pdfaProperty:name>{name}</pdfaProperty:name>
    <pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category>
    <pdfaProperty:description>{description}</pdfaProperty:description></rdf:li>
"""
_EXTENSION = f"""
    <rdf:li rdf:parseType="Resource" xmlns:rdf="{_RDF}" xmlns:pdfaSchema="{_SCHEMA}"
        xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
    <pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>
    <pdfaSchema:namespaceURI>{_FX}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>
    <pdfaSchema:property><rdf:Seq>{{properties}}</rdf:Seq></pdfaSchema:property></rdf:li>
"""


def marked(pdf: bytes) -> bytes:
    """Return a PDF/A-3 by typst, to which `FILE_NAME` is attached, as one that readers of Factur-X know."""
    writer = PdfWriter(clone_from=BytesIO(pdf))
    writer.pdf_header = "%PDF-1.7"
    metadata = cast(DecodedStreamObject, writer.root_object["/Metadata"].get_object())
    metadata.set_data(_with_marks(metadata.get_data()))
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def _with_marks(packet: bytes) -> bytes:
    root = etree.fromstring(packet)
    (schemas,) = root.xpath("//extension:schemas/rdf:Bag", namespaces=_NAMESPACES)
    properties = "".join(
        _PROPERTY.format(name=name, description=description) for name, (_value, description) in _PROPERTIES.items()
    )
    schemas.append(etree.fromstring(_EXTENSION.format(properties=properties)))
    (rdf,) = root.xpath("rdf:RDF", namespaces=_NAMESPACES)
    marks = etree.SubElement(rdf, f"{{{_RDF}}}Description", {f"{{{_RDF}}}about": ""}, nsmap={"fx": _FX})
    for name, (value, _description) in _PROPERTIES.items():
        etree.SubElement(marks, f"{{{_FX}}}{name}").text = value
    packet_with_marks: bytes = etree.tostring(root.getroottree(), encoding="UTF-8")
    return packet_with_marks
