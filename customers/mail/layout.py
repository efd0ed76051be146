"""The HTML of the shop's mails: one layout, with the name of the seller."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string

URL = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Whom a mail is from, as its layout shows it; `lines` is the small print: address and registration."""

    name: str
    lines: tuple[str, ...] = ()
    is_test: bool = False


def this_site() -> Sender:
    return Sender(name=urlsplit(settings.BASE_URL).netloc)


_read_sender: Callable[[], Sender] = this_site


def register_sender(read: Callable[[], Sender]) -> None:
    """Say who sends the shop's mails: an app above knows the seller."""
    global _read_sender  # noqa: PLW0603 - one process has one shop
    _read_sender = read


def sender() -> Sender:
    return _read_sender()


def render(template: str, context: dict[str, Any]) -> str:
    return render_to_string(template, {"sender": sender(), **context})


def without_signature(text: str) -> str:
    """Leave out who it is from, which the layout says."""
    return text.partition("\n-- \n")[0]


def html_of_text(subject: str, text: str) -> str:
    """Lay out a plain text."""
    return render("mail/text.html", {"subject": subject, "paragraphs": paragraphs(text)})


def paragraphs(text: str) -> list[list[dict[str, str]]]:
    """The lines of each paragraph; a blank line ends one, and an address on a line of its own is a link."""
    blocks = re.split(r"\n\s*\n", text.strip())
    return [[_line(line.strip()) for line in each.split("\n")] for each in blocks if each]


def _line(text: str) -> dict[str, str]:
    return {"url": text} if URL.fullmatch(text) else {"text": text}
