"""Links to the PDF of an invoice or credit note, signed for a time: whoever has one reads it without signing in.

A link names the day on which it ends, and is the same all day long: an order that is read twice is the same.
"""

import time

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from billing.models import CreditNote, Invoice

DAY = 24 * 60 * 60  # seconds
_KINDS: dict[str, type[Invoice] | type[CreditNote]] = {"invoice": Invoice, "credit-note": CreditNote}


class LinkExpired(Exception):
    """It was valid once."""


def _signer() -> Signer:
    return Signer(salt="billing.document-link")


def signed_link(issued: Invoice | CreditNote) -> str:
    """Return the whole address, which is valid for a day at least, and for two at most."""
    kind = "credit-note" if isinstance(issued, CreditNote) else "invoice"
    token = _signer().sign(f"{kind}:{issued.pk}:{_today() + 2}")
    return settings.BASE_URL + reverse("document", args=[token])


def read_link(token: str) -> Invoice | CreditNote | None:
    """Return what a link leads to; None for one that is not ours. Raise LinkExpired."""
    try:
        kind, pk, until = _signer().unsign(token).split(":")
    except BadSignature:
        return None
    if _today() >= int(until):
        raise LinkExpired
    return _KINDS[kind]._default_manager.filter(pk=pk).first()  # noqa: SLF001 - Django's public name for it


def _today() -> int:
    return int(time.time()) // DAY
