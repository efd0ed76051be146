"""Reads a rendered page as a browser would: the values of its forms, and its text."""

from html.parser import HTMLParser
from typing import Any


class _FormParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self._select = self._textarea = ""
        self._has_selected = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        name = attributes.get("name", "")
        if tag == "select":
            self._select, self._has_selected = name, False
        elif tag == "option" and self._select and ("selected" in attributes or not self._has_selected):
            self.values[self._select] = attributes.get("value", "")
            self._has_selected = "selected" in attributes
        elif tag == "textarea":
            self._textarea = name
            self.values[name] = ""
        elif tag == "input" and name and attributes.get("type") not in {"submit", "button", "file"}:
            self._add_input(name, attributes)

    def _add_input(self, name: str, attributes: dict[str, str]) -> None:
        if attributes.get("type") not in {"checkbox", "radio"}:
            self.values[name] = attributes.get("value", "")
        elif "checked" in attributes:
            self.values.setdefault(name, []).append(attributes.get("value", "on"))

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.values[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.values[self._textarea] = self.values[self._textarea].removeprefix("\n")
            self._textarea = ""
        if tag == "select":
            self._select = ""


def filled_in(page: Any) -> dict[str, Any]:
    """Return the values of all forms on the page, without the templates of inline rows."""
    parser = _FormParser()
    parser.feed(page.content.decode())
    return {name: value for name, value in parser.values.items() if name and "__prefix__" not in name}


def sentences(page: Any) -> str:
    parser = _TextParser()
    parser.feed(page.content.decode())
    return " ".join(" ".join(parser.parts).split())


class _TextParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._ignored = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._ignored = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._ignored = False

    def handle_data(self, data: str) -> None:
        if not self._ignored:
            self.parts.append(data)
