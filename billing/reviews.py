"""Reviews of Stripe Radar: which open ones are to be looked up at Stripe now, and what became of one."""

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from billing.follow_up import OPEN_REVIEW
from billing.models import Payment
from billing.results import ReviewResult

Review = Payment.Review


def claim_due(limit: int) -> list[str]:
    """Return Stripe's ids of open reviews that are due, and put off their next look-up.

    Call it outside any transaction.
    """
    due = Payment.objects.filter(review=Review.OPEN, review_check_at__lte=Now()).order_by("review_check_at")
    with transaction.atomic():
        # Those that another sweep is claiming are skipped, not waited for.
        claimed = due.select_for_update(skip_locked=True, no_key=True, of=("self",))[:limit]
        ids = dict(claimed.values_list("pk", "stripe_review_id"))
        Payment.objects.filter(pk__in=ids).update(review_check_at=OPEN_REVIEW.next_at())
    return list(ids.values())


def apply_review_result(*, result: ReviewResult, at: datetime) -> tuple[Payment, bool]:
    """Apply the state of a review once; tell whether it changed the payment."""
    payment = Payment.objects.locked().select_related("invoice__customer").get(pk=result.payment_id)
    status = Review.OPEN if result.is_open else Review.CLOSED
    if payment.stripe_review_id == result.stripe_id:
        # A late "open" of a review that has ended changes nothing.
        changes = payment.review == Review.OPEN and status == Review.CLOSED
    else:
        # The end of another review, which was never seen open, does not end the one that is.
        changes = status == Review.OPEN or payment.review != Review.OPEN
    if not changes:
        return payment, False
    payment.stripe_review_id, payment.review, payment.review_reason = result.stripe_id, status, result.reason[:50]
    payment.reviewed_at = at if result.is_open else payment.reviewed_at
    payment.save(update_fields=["stripe_review_id", "review", "review_reason", "reviewed_at"])
    check_at = OPEN_REVIEW.next_at() if result.is_open else None
    Payment.objects.filter(pk=payment.pk).update(review_check_at=check_at)
    return payment, True
