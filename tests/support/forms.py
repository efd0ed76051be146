"""What a browser would send back of a page: each field as it was filled in."""

from html.parser import HTMLParser
from typing import Any


class _Fields(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}
        self._select = self._textarea = ""
        self._chosen = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "select":
            self._select, self._chosen = name, False
        elif tag == "option" and self._select and ("selected" in given or not self._chosen):
            self.values[self._select] = given.get("value", "")
            self._chosen = "selected" in given
        elif tag == "textarea":
            self._textarea = name
            self.values[name] = ""
        elif tag == "input" and name and given.get("type") not in {"submit", "button", "file"}:
            self._put(name, given)

    def _put(self, name: str, given: dict[str, str]) -> None:
        if given.get("type") not in {"checkbox", "radio"}:
            self.values[name] = given.get("value", "")
        elif "checked" in given:
            self.values.setdefault(name, []).append(given.get("value", "on"))

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
    """Read the fields of the page's forms, empty rows to add left out."""
    fields = _Fields()
    fields.feed(page.content.decode())
    return {name: value for name, value in fields.values.items() if name and "__prefix__" not in name}


def sentences(page: Any) -> str:
    """Give the page's text, as somebody reads it."""
    text = _Text()
    text.feed(page.content.decode())
    return " ".join(" ".join(text.parts).split())


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag in {"script", "style"}

    def handle_endtag(self, tag: str) -> None:
        self._silent = False

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)
