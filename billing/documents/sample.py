"""An invoice that was never issued, to see how a logo comes out."""

from datetime import UTC, date, datetime

from django.utils.translation import gettext as _

from backoffice.pdf import PdfError
from billing.documents.document import InvoiceDocument, Party
from billing.documents.pdf import pdf_of
from billing.sellers import WrongLogo

DAY = date(2026, 1, 1)


def check_logo_in_pdf(logo: bytes) -> None:
    """Raise WrongLogo if no document could be made with it."""
    sample = InvoiceDocument(
        kind="invoice", number="INV-000001", issued_on=DAY, delivered_on=DAY, order_number="1", currency="eur",
        prices_include_tax=False, seller=Party(name="-"), buyer=Party(name="-"), ship_to=None, lines=(), shipping=None,
        subtotal=0, discount=0, manual_discount=0, net=0, tax=0, total=0, paid=0, taxes=(),
    )  # fmt: skip
    try:
        pdf_of(sample, created_at=datetime(2026, 1, 1, tzinfo=UTC), logo=logo)
    except PdfError as error:
        raise WrongLogo(_("The logo can't be put into a PDF: save it once more as PNG.")) from error
