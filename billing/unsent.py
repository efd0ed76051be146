"""Refunds that were requested and never sent to Stripe, and are not to be sent any more.

Every function runs inside the transaction of its caller, who holds the locks of the orders.
"""

from collections.abc import Collection

from billing.models import Payment, Refund, RefundAllocation, RefundFee


def lock_unsent(refund_ids: Collection[int]) -> set[int]:
    """Lock those of these refunds that no attempt has sent, and return their ids; none can be leased from then on."""
    # Payments first, as everywhere: deleting a refund changes its payment's sum.
    list(Payment.objects.locked().filter(refund_set__in=refund_ids).values_list("pk"))
    # A lease is written before the call. Whoever is taking one is waited for, and the condition then read again.
    unsent = Refund.objects.locked().filter(pk__in=refund_ids, first_sent_at=None, stripe_refund_id=None)
    return set(unsent.filter(status=Refund.Status.REQUESTED, closed_at=None).values_list("pk", flat=True))


def delete_unsent(refund_ids: Collection[int]) -> None:
    """Delete refunds that `lock_unsent` returned, so that their payments may be refunded by others."""
    RefundAllocation.objects.filter(refund__in=refund_ids).delete()
    RefundFee.objects.filter(refund__in=refund_ids).delete()
    Refund.objects.filter(pk__in=refund_ids).delete()
