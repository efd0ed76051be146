"""Links to the PDF of an invoice or credit note, signed for a time: whoever has one reads it without signing in."""

from datetime import timedelta

from django.conf import settings
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.urls import reverse

from billing.models import CreditNote, Invoice

VALID_FOR = timedelta(hours=24)
_signer = TimestampSigner(salt="billing.document-link")
_KINDS: dict[str, type[Invoice] | type[CreditNote]] = {"invoice": Invoice, "credit-note": CreditNote}


class LinkExpired(Exception):
    """It was valid once."""


def signed_link(issued: Invoice | CreditNote) -> str:
    """Return the whole address."""
    kind = "credit-note" if isinstance(issued, CreditNote) else "invoice"
    return settings.BASE_URL + reverse("document", args=[_signer.sign(f"{kind}:{issued.pk}")])


def read_link(token: str) -> Invoice | CreditNote | None:
    """Return what a link leads to; None for one that is not ours. Raise LinkExpired."""
    try:
        kind, pk = _signer.unsign(token, max_age=VALID_FOR).split(":")
    except SignatureExpired as error:
        raise LinkExpired from error
    except BadSignature:
        return None
    return _KINDS[kind]._default_manager.filter(pk=pk).first()  # noqa: SLF001 - Django's public name for it
