"""Tell Stripe of a customer's new e-mail: requested in the transaction of the change, executed by a worker."""

import logging
from datetime import datetime

from django.db.models import F
from django.db.models.functions import Coalesce, Now

from backoffice import leases
from billing import backoffs, gateway
from billing.models import CustomerUpdate
from customers.models import Customer

logger = logging.getLogger(__name__)


def request_update(*, customer: Customer, at: datetime) -> CustomerUpdate:
    """Have a customer's e-mail sent to Stripe, as it is once a worker comes to it."""
    update, created = CustomerUpdate.objects.get_or_create(
        customer=customer, defaults={"next_attempt_at": Now(), "requested_at": at}
    )
    if not created:
        # Whoever holds the lease keeps it, sees the new generation when done, and the row stays due.
        CustomerUpdate.objects.filter(pk=update.pk).update(
            generation=F("generation") + 1, next_attempt_at=Coalesce("next_attempt_at", Now()), requested_at=at
        )
    return update


def execute_update(*, update_id: int) -> None:
    """Send a customer's e-mail as it is now, unless that is done or another process holds the lease.

    Raise gateway.Misconfigured.
    """
    due = CustomerUpdate.objects.filter(pk=update_id).select_related("customer")
    for update in leases.claim(due):
        try:
            _send(update.customer)
        except gateway.Misconfigured as error:
            _postpone(update, error)
            raise
        except gateway.Unavailable as error:
            _postpone(update, error)
        except gateway.GatewayError as error:
            # Stripe refuses this e-mail, or deleted the customer: the same call would have the same end.
            # Not to the log: Stripe's words name the e-mail.
            logger.error("Stripe refuses the new e-mail of customer %s.", update.customer_id)  # noqa: TRY400
            _finish(update, str(error))
        else:
            _finish(update, "")


def _send(customer: Customer) -> None:
    # Without an id nothing is stored at Stripe: the customer is created there with the e-mail of that time, which
    # `settlement.stripe_customer` holds against the row once more.
    if customer.stripe_customer_id:
        gateway.update_customer(customer.stripe_customer_id, email=customer.email)


def _postpone(update: CustomerUpdate, error: gateway.GatewayError) -> None:
    leases.postpone(update, backoff=backoffs.EVENT, error=str(error))


def _finish(update: CustomerUpdate, error: str) -> None:
    mine = CustomerUpdate.objects.filter(pk=update.pk, attempts=update.attempts)
    if not mine.filter(generation=update.generation).update(next_attempt_at=None, error=error):
        mine.update(next_attempt_at=Now())  # changed again meanwhile
