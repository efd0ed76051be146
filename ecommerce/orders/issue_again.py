"""Issue documents that broke a rule once that is mended: whom they name is amended where nothing was issued yet."""

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from backoffice.activity.record import record
from backoffice.models import Activity
from billing.documents.make import queue_again
from billing.models import CreditNote, Document, Invoice, Seller
from ecommerce.models import Order
from ecommerce.orders.contents import read_contents
from ecommerce.orders.pay import bill_to


def issue_again(document_ids: Collection[int]) -> int:
    """Have broken documents made again, by seller, customer and address as they are now; return how many."""
    again = 0
    for document in Document.objects.filter(pk__in=document_ids, status=Document.Status.BROKEN).order_by("pk"):
        with transaction.atomic():
            _amend(document)
            again += queue_again(Document.objects.filter(pk=document.pk))
    return again


def _amend(document: Document) -> None:
    of_note = document.credit_note
    of = Q(credit_notes=of_note) if of_note else Q(documents=document)
    order = Order.objects.locked().filter(invoice__in=Invoice.objects.filter(of)).first()
    invoice = Invoice.objects.locked().get(of)
    seller = Seller.objects.values_list("version_id", flat=True).filter(pk=1).first()
    if of_note and seller and not _in_use(Q(credit_note=of_note)):
        CreditNote.objects.filter(pk=of_note.pk).update(seller_id=seller)
    if _in_use(Q(invoice=invoice) | Q(credit_note__invoice=invoice)):
        return
    named: dict[str, Any] = {"seller_id": seller} if seller else {}
    # What was erased stays erased.
    if order and not order.customer.erased_at:
        billed = {name: value for name, value in invoice.bill_to.items() if name != "tax_id"}
        address = read_contents(order).billing or order.shipping_address or billed
        named |= {"bill_to": bill_to(order, address), "ship_to": order.shipping_address or invoice.ship_to}
    if any(getattr(invoice, name) != value for name, value in named.items()):
        Invoice.objects.filter(pk=invoice.pk).update(**named)
        note = _("Issued again with the seller, the customer and the address as they are now.")
        record(act=Activity.Act.CHANGED, kind=Activity.Kind.CUSTOMER, obj=invoice, note=note)


def _in_use(documents: Q) -> bool:
    """Whether any of them was issued, or may be about to be."""
    return Document.objects.filter(documents).exclude(status=Document.Status.BROKEN).exists()
