"""The link that a mail to pay has: the order's own, made when the mail is written."""

from backoffice import database_clock
from customers.actors import SYSTEM
from customers.mail.writers import NotNeededError
from ecommerce.models import Order
from ecommerce.orders.errors import OrderError
from ecommerce.orders.payment_links import create_link


def link_to_pay(order: Order) -> str:
    """Raise NotNeededError where nothing is to be paid any more."""
    try:
        return create_link(order_id=order.pk, by=SYSTEM, at=database_clock.now()).url
    except OrderError as error:
        raise NotNeededError from error
