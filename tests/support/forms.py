"""Reads a rendered page as a browser would: the values of its forms, and its text."""

from typing import Any

from lxml import html
from lxml.etree import XPath

FIELDS = XPath("//select[@name] | //textarea[@name] | //input[@name]")
TEXTS = XPath("//text()[not(parent::script or parent::style)]")
WITHOUT_VALUE = {"submit", "button", "file"}


def filled_in(page: Any) -> dict[str, Any]:
    """Return the values of all forms on the page, without the templates of inline rows."""
    values: dict[str, Any] = {}
    for field in FIELDS(_parsed(page)):
        name, kind = field.get("name"), field.get("type")
        if not name or "__prefix__" in name:
            continue
        if field.tag == "select":
            values.update((name, value) for value in _chosen(field))
        elif field.tag == "textarea":
            values[name] = (field.text or "").removeprefix("\n")
        elif kind in {"checkbox", "radio"}:
            if field.get("checked") is not None:
                values.setdefault(name, []).append(field.get("value", "on"))
        elif kind not in WITHOUT_VALUE:
            values[name] = field.get("value", "")
    return values


def _chosen(select: Any) -> list[str]:
    options = list(select.iter("option"))
    selected = [option for option in options if option.get("selected") is not None]
    return [option.get("value", "") for option in (selected or options)[-1:]]


def sentences(page: Any) -> str:
    return " ".join(" ".join(TEXTS(_parsed(page))).split())


def _parsed(page: Any) -> Any:
    return html.document_fromstring(page.content.decode().strip() or "<p>")
