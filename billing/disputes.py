"""Disputes of payments: which open ones are to be looked up at Stripe now, and what became of one."""

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from billing.follow_up import OPEN_DISPUTE
from billing.models import Payment
from billing.results import DisputeResult


def claim_due(limit: int) -> list[str]:
    """Return Stripe's ids of open disputes that are due, and put off their next look-up.

    Call it outside any transaction.
    """
    due = Payment.objects.filter(dispute=Payment.Dispute.OPEN, dispute_check_at__lte=Now()).order_by("dispute_check_at")
    with transaction.atomic():
        # Those that another sweep is claiming are skipped, not waited for.
        claimed = due.select_for_update(skip_locked=True, no_key=True, of=("self",))[:limit]
        ids = dict(claimed.values_list("pk", "stripe_dispute_id"))
        Payment.objects.filter(pk__in=ids).update(dispute_check_at=OPEN_DISPUTE.next_at())
    return list(ids.values())


def apply_dispute_result(*, result: DisputeResult, at: datetime) -> tuple[Payment, bool]:
    """Apply the state of a dispute once; tell whether it changed the payment."""
    payment = Payment.objects.locked().select_related("invoice__customer").get(pk=result.payment_id)
    # A late "open" of a dispute that was decided changes nothing.
    decided = payment.dispute != Payment.Dispute.OPEN
    if payment.stripe_dispute_id == result.stripe_id and (decided or result.status == payment.dispute):
        return payment, False
    payment.stripe_dispute_id, payment.dispute, payment.dispute_reason = result.stripe_id, result.status, result.reason
    payment.disputed_at = None if result.status is Payment.Dispute.WON else payment.disputed_at or at
    payment.save(update_fields=["stripe_dispute_id", "dispute", "dispute_reason", "disputed_at"])
    is_open = result.status is Payment.Dispute.OPEN
    Payment.objects.filter(pk=payment.pk).update(dispute_check_at=OPEN_DISPUTE.next_at() if is_open else None)
    return payment, True
