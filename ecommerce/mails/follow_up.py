"""The mail that brings a document which was not issued yet when the mail about the act went out."""

from django.contrib.contenttypes.models import ContentType
from django.db.models.functions import Coalesce

from billing.models import Document
from customers.models import Mail
from ecommerce.mails import rows
from ecommerce.models import Order


def document_issued(document_id: int) -> None:
    """Write the mail, if one said that this document follows; in the transaction that issues it."""
    # By the invoice's key: joined over both ways to a document, every order would be read.
    invoice_id = Coalesce("invoice", "credit_note__invoice")
    of = Document.objects.annotate(of_invoice=invoice_id).values_list("of_invoice", flat=True).get(pk=document_id)
    order_id = Order.objects.filter(invoice=of).values_list("pk", flat=True).first()
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
