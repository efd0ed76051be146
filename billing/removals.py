"""Remove cards and customers at Stripe: requested in the transaction of the act, executed by a worker.

Both are the same however often they are sent: what is gone is gone.
"""

from django.db.models.functions import Now

from backoffice import leases
from billing import backoffs, gateway
from billing.models import Card, StripeRemoval

Kind = StripeRemoval.Kind


def request_removal(kind: StripeRemoval.Kind, stripe_id: str) -> StripeRemoval:
    """Have a card or customer removed at Stripe; the caller wakes a worker."""
    removal, _created = StripeRemoval.objects.update_or_create(
        stripe_id=stripe_id, defaults={"kind": kind, "next_attempt_at": Now(), "error": ""}
    )
    return removal


def is_removed(stripe_id: str) -> bool:
    """Whether Stripe has said yes, or never knew it."""
    return not StripeRemoval.objects.filter(stripe_id=stripe_id, next_attempt_at__isnull=False).exists()


def execute_removal(*, removal_id: int) -> None:
    """Send a removal unless that is done or another process holds the lease. Raise gateway.Misconfigured."""
    for removal in leases.claim(StripeRemoval.objects.filter(pk=removal_id)):
        try:
            _send(removal)
        except gateway.Misconfigured as error:
            leases.postpone(removal, backoff=backoffs.EVENT, error=error.code)
            raise
        except gateway.Unavailable as error:
            leases.postpone(removal, backoff=backoffs.EVENT, error=error.code)
        except gateway.GatewayError as error:
            # Stripe has it no more: detached or deleted there, or by an attempt whose answer was lost.
            leases.release(removal, next_attempt_at=None, error=error.code)
        else:
            leases.release(removal, next_attempt_at=None, error="")


def _send(removal: StripeRemoval) -> None:
    if removal.kind == Kind.CUSTOMER:
        gateway.delete_customer(removal.stripe_id)
    # Not if the card was saved anew meanwhile.
    elif not Card.objects.filter(stripe_payment_method_id=removal.stripe_id, removed_at=None).exists():
        gateway.detach_card(removal.stripe_id)
