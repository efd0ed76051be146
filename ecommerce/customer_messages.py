"""Messages that staff write to the customer of an order."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from customers.mail import outbox
from customers.models import Mail
from ecommerce.models import Order, OrderEvent
from ecommerce.orders.errors import OrderError
from ecommerce.orders.history import record

MAX_SUBJECT, MAX_TEXT = 200, 10_000


def may_be_written_to(order: Order) -> bool:
    """Whether there is an e-mail to write to."""
    return bool(order.customer.email) and order.customer.erased_at is None


def write_to_customer(
    *, order_id: int, subject: str, text: str, attachments: Sequence[str] = (), key: UUID, by: Actor, at: datetime
) -> Order:
    """Write a mail to the customer of an order, once for a `key`; raise OrderError.

    `attachments` are names of `ecommerce.mails.files.attachable`.
    """
    with transaction.atomic():
        order = Order.objects.locked().select_related("customer").get(pk=order_id)
        if not may_be_written_to(order):
            raise OrderError("erased", _("The customer of this order was erased: nobody is there to write to."))
        # Two presses of one form are one mail: the order's lock lets them in one after the other.
        if not outbox.is_written(key):
            message = EmailMessage(subject, text.replace("\r\n", "\n"), None, [order.customer.email])
            data = {"attachments": list(attachments)} if attachments else {}
            (mail,) = outbox.write(message, kind=Mail.Kind.MESSAGE, about=order, key=key, data=data)
            # Its text is not repeated in the history, which is never changed.
            record(order, OrderEvent.Kind.MESSAGE_WRITTEN, by=by, at=at, mail_id=mail.pk)
    return order
