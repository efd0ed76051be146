"""The mail that brings a document which was not issued yet when the mail about the act went out."""

from django.contrib.contenttypes.models import ContentType

from billing.models import CreditNote, Document
from customers.models import Mail
from ecommerce.mails import rows
from ecommerce.models import Order


def document_issued(document: Document) -> None:
    """Write the mail, if one said that this document follows; in the transaction that issues it."""
    issued = document.of
    orders = Order.objects.filter(invoice=issued.invoice_id if isinstance(issued, CreditNote) else issued.pk)
    mails = Mail.objects.filter(about_type=ContentType.objects.get_for_model(Order), about_id__in=orders.values("pk"))
    order_id = mails.filter(data__contains={"follows": document.pk}).values_list("about_id", flat=True).first()
    if order_id:
        _send(document.pk, order_id)


def send_if_issued(document_id: int, order_id: int) -> None:
    """Write the mail now if the document was issued meanwhile; in the transaction that keeps "it follows".

    Its row is locked: whoever issues it waits, and then sees what this transaction has written.
    """
    document = Document.objects.select_for_update(of=("self",)).get(pk=document_id)
    if document.status == Document.Status.ISSUED:
        _send(document_id, order_id)


def _send(document_id: int, order_id: int) -> None:
    rows.write(Mail.Kind.INVOICE, [(order_id, {"document": document_id})])
