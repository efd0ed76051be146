"""What mails need of elsewhere: files that were issued and links to pay; for a preview, what looks like them."""

from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _

from billing.models import CreditNote, Invoice
from ecommerce.mails import files
from ecommerce.mails.files import Attached
from ecommerce.mails.payment_link import link_to_pay
from ecommerce.models import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """`is_example` is whether a mail is shown that is not sent, also of what has passed."""

    of_invoice: Callable[[Invoice | None], Attached]
    of_credit_note: Callable[[CreditNote | None], Attached]
    link_to_pay: Callable[[Order], str]
    is_example: bool = False


REAL = Parts(of_invoice=files.of_invoice, of_credit_note=files.of_credit_note, link_to_pay=link_to_pay)


def _invoice_note(invoice: Invoice | None) -> Attached:
    return Attached(notes=[_("Your invoice %(number)s is attached.") % {"number": invoice}] if invoice else [])


def _credit_note_note(note: CreditNote | None) -> Attached:
    return Attached(notes=[_("The credit note %(number)s is attached.") % {"number": note}] if note else [])


def _no_link(_order: Order) -> str:
    return settings.BASE_URL


EXAMPLE = Parts(of_invoice=_invoice_note, of_credit_note=_credit_note_note, link_to_pay=_no_link, is_example=True)
