"""What a restored database has lost of Stripe's objects: payments that could still succeed, and refunds."""

from collections.abc import Callable, Iterator

from django.db.models import Q

from billing import gateway
from billing.models import Payment, Refund
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

    One that failed later had a number, too; of those, only what is no failed refund here counts. Raise
    gateway.Unavailable.
    """
    count = 0
    for page in _pages(gateway.refunds_page):
        uuids = {each.metadata["refund"] for each in page.rows if checks.is_uuid(each.metadata.get("refund"))}
        ours = Refund.objects.filter(uuid__in=uuids)
        known = ours.filter(Q(credit_note__isnull=False) | Q(status=Refund.Status.FAILED))
        count += len(uuids) - known.count()
    return count


def newest_lost_refunds() -> list[str]:
    """Return those of Stripe's newest refunds that are of our payments, and that no row here knows to have been sent.

    Raise gateway.GatewayError.
    """
    page = gateway.refunds_page().rows
    ours = [each for each in page if checks.is_uuid(each.metadata.get("refund"))]
    refunds = settle.refunds_of(ours)
    intents = {each.intent_id for each in ours}
    payments = Payment.objects.filter(stripe_payment_intent_id__in=intents)
    paid_here = set(payments.values_list("stripe_payment_intent_id", flat=True))
    found = ((each, refunds.get(each.id)) for each in ours if each.intent_id in paid_here)
    return [each.id for each, refund in found if refund is None or refund.first_sent_at is None]


def _pages(listing: Callable[..., gateway.Page]) -> Iterator[gateway.Page]:  # type: ignore[type-arg]
    page = listing()
    yield page
    while page.after:
        page = listing(after=page.after)
        yield page
