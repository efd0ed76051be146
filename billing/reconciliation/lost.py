"""What a restored database has lost of Stripe's objects: payments that could still succeed, and refunds."""

from collections.abc import Callable, Iterator

from billing import gateway
from billing.models import CreditNote
from billing.reconciliation import checks, settle

# What a browser that holds the secret could still turn into a charge.
COULD_SUCCEED = {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"}


def cancel_open_intents() -> int:
    """Cancel the PaymentIntents of ours that have no row here and could still succeed; return how many.

    Raise gateway.Unavailable.
    """
    canceled = 0
    for page in _pages(gateway.intents_page):
        payments = settle.payments_of(page.rows)
        ours = (each for each in page.rows if checks.is_uuid(each.metadata.get("payment")))
        for intent in ours:
            if intent.id not in payments and intent.status in COULD_SUCCEED:
                canceled += _canceled(intent)
    return canceled


def _canceled(intent: gateway.PaymentIntent) -> bool:
    try:
        gateway.cancel_intent(intent.id)
    except gateway.InvalidRequest:
        return False  # it succeeded a moment ago: the pass that follows finds the charge
    return True


def count_lost_refunds() -> int:
    """Count our refunds that Stripe accepted and that have no credit note here: each number was issued since.

    Raise gateway.Unavailable.
    """
    count = 0
    for page in _pages(gateway.refunds_page):
        ours = [each for each in page.rows if checks.is_uuid(each.metadata.get("refund"))]
        uuids = [each.metadata["refund"] for each in ours if each.status in checks.REFUNDED]
        noted = CreditNote.objects.filter(refund__uuid__in=uuids).count()
        count += len(uuids) - noted
    return count


def _pages(listing: Callable[..., gateway.Page]) -> Iterator[gateway.Page]:  # type: ignore[type-arg]
    page = listing()
    yield page
    while page.after:
        page = listing(after=page.after)
        yield page
