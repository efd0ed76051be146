"""What billing hears from customers: a changed e-mail, for Stripe. And what they hear: whether mails may leave."""

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from backoffice.enqueue import enqueue_on_commit
from billing import restore
from billing.customer_updates import request_update
from billing.tasks import update_customer
from customers.mail import delivery
from customers.models import Customer
from customers.signals import email_changed

# A copy of the database would mail people what happened in the original.
delivery.hold_while(restore.is_blocked)


@receiver(email_changed)
def tell_stripe(*, customer: Customer, at: datetime, **_kwargs: Any) -> None:
    """Write the update in the transaction of the change, and wake a worker once that is committed."""
    enqueue_on_commit(update_customer, update_id=request_update(customer=customer, at=at).pk)
