"""Whether an event can hold anything new, so that a bulk refund's own events don't use up the rate of calls.

Only what our rows say already, word for word and for good, is no news: an event of a later failure says "failed", and
is always looked up.
"""

from datetime import timedelta
from typing import Any

from django.db.models import Q, Sum
from django.db.models.functions import Now

from billing import backoffs
from billing.models import Payment, Refund, WebhookEvent
from billing.stripe_state import parse_uuid

# The response to our own call is on its way to be applied; an event may be quicker.
OWN_RESULT_WITHIN = timedelta(seconds=10)


def is_news(event: WebhookEvent) -> bool:
    """Return False where our rows hold for good what the event says."""
    stated = event.payload["data"]["object"]
    if event.type.startswith("refund."):
        return not _is_refund_known(stated)
    return event.type != "charge.refunded" or not _are_refunds_known(stated)


def awaits_own_result(event: WebhookEvent) -> bool:
    """Return whether the event just came in, and is about a refund that a process of ours has at Stripe right now."""
    stated = event.payload["data"]["object"]
    ours = Q(uuid=parse_uuid((stated.get("metadata") or {}).get("refund")))
    if event.type == "charge.refunded":
        ours = Q(payment__stripe_payment_intent_id=stated.get("payment_intent") or "")
    elif not event.type.startswith("refund."):
        return False
    # Later than any attempt that waits after a lost response: this one is leased.
    leased = Q(next_attempt_at__gt=Now() + backoffs.OPERATION.longest, attempts__gt=0)
    at_stripe = Refund.objects.filter(ours, leased, status=Refund.Status.REQUESTED)
    new = WebhookEvent.objects.filter(pk=event.pk, received_at__gt=Now() - OWN_RESULT_WITHIN)
    return new.exists() and at_stripe.exists()


def _is_refund_known(stated: dict[str, Any]) -> bool:
    if stated.get("status") != "succeeded":
        return False
    known = Refund.objects.filter(stripe_refund_id=stated.get("id") or "", status=Refund.Status.SUCCEEDED)
    return known.filter(amount=stated.get("amount") or 0).exists()


def _are_refunds_known(stated: dict[str, Any]) -> bool:
    intent, refunded = stated.get("payment_intent"), stated.get("amount_refunded")
    payment = Payment.objects.filter(stripe_payment_intent_id=intent or "", status=Payment.Status.SUCCEEDED).first()
    if payment is None or not isinstance(refunded, int):
        return False
    at_stripe = payment.refund_set.exclude(stripe_refund_id=None)
    if at_stripe.exclude(status=Refund.Status.SUCCEEDED).exists():
        return False
    return bool(refunded == (at_stripe.aggregate(sum=Sum("amount"))["sum"] or 0))
