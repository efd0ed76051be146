"""The mail that brings a document which was not issued yet when the mail about the act went out."""

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q

from billing.models import Document
from customers.models import Mail
from ecommerce.mails import rows
from ecommerce.models import Order


def document_issued(document_id: int) -> None:
    """Write the mail, if one said that this document follows; in the transaction that issues it."""
    of = Q(invoice__documents=document_id) | Q(invoice__credit_notes__documents=document_id)
    order_id = Order.objects.filter(of).values_list("pk", flat=True).first()
    about = {"about_type": ContentType.objects.get_for_model(Order), "about_id": order_id}
    if order_id and Mail.objects.filter(**about, data__contains={"follows": document_id}).exists():
        _send(document_id, order_id)


def send_if_issued(document_id: int, order_id: int) -> None:
    """Write the mail now if the document was issued meanwhile; in the transaction that keeps "it follows".

    Its row is locked: whoever issues it waits, and then sees what this transaction has written.
    """
    document = Document.objects.select_for_update(of=("self",)).get(pk=document_id)
    if document.status == Document.Status.ISSUED:
        _send(document_id, order_id)


def _send(document_id: int, order_id: int) -> None:
    rows.write(Mail.Kind.INVOICE, [(order_id, {"document": document_id})])
