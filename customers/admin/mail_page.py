"""A mail as its recipient sees it: HTML or plain text, light or dark, wide or on a phone; and what is attached."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy as _

from backoffice.uploads import format_size
from customers.mail.attachments import Attachment, NotReadyError, UnreadableError, attachments_of
from customers.mail.models import Mail

# A mail runs nothing, loads nothing, and leads nowhere from inside its frame.
MAIL_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'"
SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
ALWAYS, NEVER = "(min-width: 0)", "(max-width: 0)"
KNOWS_SCHEMES = re.compile(r"color-scheme", re.IGNORECASE)
VIEWS: Mapping[str, tuple[tuple[str, str | Promise], ...]] = {
    "part": (("html", _("HTML")), ("text", _("Plain text"))),
    "width": (("wide", _("Wide")), ("phone", _("Phone"))),
    "scheme": (("light", _("Light")), ("dark", _("Dark"))),
}
TITLES = {"part": _("Part"), "width": _("Width"), "scheme": _("Colours")}


@dataclass(frozen=True, slots=True)
class Choice:
    label: str | Promise
    link: str
    is_chosen: bool


def page_context(request: HttpRequest, mail: Mail) -> dict[str, Any]:
    chosen = {name: request.GET.get(name, values[0][0]) for name, values in VIEWS.items()}
    if not mail.html:
        chosen["part"] = "text"
    return {
        "chosen": chosen,
        "views": [(TITLES[name], _choices(name, chosen)) for name in _offered(mail, chosen)],
        **_attached(mail),
    }


def _offered(mail: Mail, chosen: Mapping[str, str]) -> list[str]:
    parts = ["part"] if mail.html and mail.text else []
    return [*parts, *(["width", "scheme"] if chosen["part"] == "html" else [])]


def _choices(name: str, chosen: Mapping[str, str]) -> list[Choice]:
    return [
        Choice(label, f"?{urlencode({**chosen, name: value})}#mail-title", chosen[name] == value)
        for value, label in VIEWS[name]
    ]


def _attached(mail: Mail) -> dict[str, Any]:
    try:
        files = attachments_of(mail)
    except NotReadyError:
        return {"attachments_wait": True}
    except UnreadableError as error:
        return {"attachments_problem": str(error)}
    address = "admin:customers_mail_attachment"
    return {
        "attachments": [
            (each.name, format_size(len(each.content)), reverse(address, args=[mail.pk, position]))
            for position, each in enumerate(files)
        ]
    }


def html_response(request: HttpRequest, mail: Mail) -> HttpResponse:
    html = in_scheme(mail.html, request.GET.get("scheme", "light"))
    return HttpResponse(html, headers={"Content-Security-Policy": MAIL_POLICY})


def in_scheme(html: str, scheme: str) -> str:
    """Have a mail shown in one scheme, whatever the reader's own is: its media queries are answered here."""
    scheme = "dark" if scheme == "dark" else "light"
    answered = SCHEME.sub(lambda found: ALWAYS if found[1].lower() == scheme else NEVER, html)
    # Without a word on schemes, programs show a mail as it is: on white.
    shown = scheme if KNOWS_SCHEMES.search(html) else "light"
    return f"{answered}<style>:root{{color-scheme:only {shown}}}</style>"


def attachment_response(mail: Mail, position: int) -> HttpResponse:
    try:
        files: list[Attachment] = attachments_of(mail)
    except (NotReadyError, UnreadableError):
        files = []
    if position >= len(files):
        raise Http404
    file = files[position]
    # As bytes to be saved, whatever it says it is: nothing of it runs in the admin.
    headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox; default-src 'none'"}
    response = HttpResponse(file.content, content_type="application/octet-stream", headers=headers)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=file.name) or ""
    return response
