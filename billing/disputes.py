"""Open disputes: which of them are to be looked up at Stripe now. Always outside any transaction of the caller."""

from django.db import transaction
from django.db.models.functions import Now

from billing.follow_up import OPEN_DISPUTE
from billing.models import Payment


def claim_due(limit: int) -> list[str]:
    """Return Stripe's ids of open disputes that are due, and put off their next look-up."""
    due = Payment.objects.filter(dispute=Payment.Dispute.OPEN, dispute_check_at__lte=Now()).order_by("dispute_check_at")
    with transaction.atomic():
        # Those that another sweep is claiming are skipped, not waited for.
        claimed = due.select_for_update(skip_locked=True, no_key=True, of=("self",))[:limit]
        ids = dict(claimed.values_list("pk", "stripe_dispute_id"))
        Payment.objects.filter(pk__in=ids).update(dispute_check_at=OPEN_DISPUTE.next_at())
    return list(ids.values())
