"""Refunds as rows: create them, reduce them, and apply the results of executing them.

Every function runs inside the transaction of its caller, who holds the lock of the order. Executing them at Stripe, in
between and outside any transaction, is `settlement`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from billing import follow_up
from billing.models import Payment, Refund, RefundFee
from billing.money import format_money
from billing.results import RefundResult
from customers.actors import STRIPE, Actor


class RetryLater(Exception):
    """A result that can't be applied yet; its sender fetches and sends it again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundChange:
    """A refund after a result was applied; `won` if it changed the status from `before` ("" for a new row)."""

    refund: Refund
    before: str
    won: bool


# Create and reduce


def create_refund(
    *, payment: Payment, amount: int, reason: str, by: Actor, at: datetime, fees: Sequence[RefundFee] = ()
) -> Refund:
    """Create a refund, to be executed at once; the database refuses more than was paid.

    `fees`, unsaved, are kept beside the amount. Where they leave nothing to send, the refund has succeeded.
    """
    (refund,) = _new_refunds([(payment, amount)], reason=reason, by=by, at=at)
    refund.fees = sum(fee.amount for fee in fees)
    if not amount:
        refund.status, refund.closed_at, refund.next_attempt_at = Refund.Status.SUCCEEDED, at, None
    refund.save()
    for fee in fees:
        fee.refund = refund
    RefundFee.objects.bulk_create(fees)
    return refund


def create_refunds(*, amounts: Sequence[tuple[Payment, int]], reason: str, by: Actor, at: datetime) -> list[Refund]:
    """Create refunds of several payments, in the order of their primary keys."""
    return Refund.objects.bulk_create(_new_refunds(amounts, reason=reason, by=by, at=at))


def _new_refunds(amounts: Sequence[tuple[Payment, int]], *, reason: str, by: Actor, at: datetime) -> list[Refund]:
    refunds = []
    # The trigger locks each payment: in one order everywhere, two of these can't deadlock.
    for payment, amount in sorted(amounts, key=lambda pair: pair[0].pk):
        refund = Refund(payment=payment, amount=amount, currency=payment.currency, reason=reason, **by.columns)
        refund.requested_at = at
        refund.params = {
            "payment_intent": payment.stripe_payment_intent_id,
            "amount": amount,
            "metadata": {"refund": str(refund.uuid), "payment": str(payment.uuid)},
        }
        refunds.append(refund)
    return refunds


def reduce_refund(*, refund: Refund, by: int, at: datetime) -> int:
    """Take off a refused refund what Stripe's dashboard has refunded; return what is left to be sent.

    Nothing left closes it as failed. Else it is sent under another key, since its parameters change.
    """
    left = max(refund.amount - by, 0)
    rows = Refund.objects.filter(pk=refund.pk, status=Refund.Status.REQUESTED)
    if left:
        params = refund.params | {"amount": left}
        rows.update(amount=left, params=params, generation=F("generation") + 1, next_attempt_at=at)
    else:
        done = {"status": Refund.Status.FAILED, "failure_code": "already_refunded", "closed_at": at}
        rows.update(**done, next_attempt_at=None, attention="")
    return left


# Apply results


def apply_refund_result(*, result: RefundResult, at: datetime) -> RefundChange:
    """Apply a result once; a refund created at Stripe gets its row. Raise RetryLater."""
    refund = _refund_of(result)
    if refund is None:
        _check_refundable(result, result.payment_id, result.amount)
        return RefundChange(refund=_create_from_stripe(result, at=at), before="", won=True)
    result = _without_foreign_refund(refund, result)
    before = refund.status
    changing = Refund.objects.filter(_may_become(result.status), pk=refund.pk)
    if before == Refund.Status.FAILED and result.status != Refund.Status.FAILED:
        # It did not count as refunded while it was failed, and another may have taken its place.
        _check_refundable(result, refund.payment_id, refund.given_back)
        # Another refund may have given back the same lines since: it is allocated anew.
        refund.allocations.filter(refund__in=changing).delete()
    written = changing.update(
        **_refund_columns(result, at=at), stripe_refund_id=result.stripe_id or refund.stripe_refund_id
    )
    refund.refresh_from_db()
    return RefundChange(refund=refund, before=before, won=bool(written) and before != refund.status)


def apply_refund_results(*, results: Sequence[RefundResult], at: datetime) -> None:
    """Apply results that are all pending or succeeded, of refunds that are requested and that the caller locked."""
    by_status = defaultdict(list)
    for result in results:
        by_status[result.status].append(result)
    for same_status in by_status.values():
        stripe_ids = Case(*(When(pk=result.refund_id, then=Value(result.stripe_id)) for result in same_status))
        refunds = Refund.objects.filter(pk__in=[result.refund_id for result in same_status])
        # Results without a failure differ in nothing but Stripe's id.
        columns = _refund_columns(same_status[0], at=at) | {"stripe_refund_id": stripe_ids}
        written = refunds.filter(status=Refund.Status.REQUESTED).update(**columns)
        if written != len(same_status):
            raise RuntimeError(f"{len(same_status) - written} refunds had a result already.")


def _refund_columns(result: RefundResult, *, at: datetime) -> dict[str, Any]:
    pending = result.status is Refund.Status.PENDING
    return {
        "status": result.status,
        "failure_code": result.failure_code,
        "failure_message": result.message,
        "attention": _endless_attention() if pending else "",
        "unexpected": 0,
        "next_attempt_at": follow_up.PENDING_REFUND.next_at() if pending else None,
        "closed_at": None if pending else at,
    }


def _endless_attention() -> Case:
    days = follow_up.PENDING_REFUND.end.days
    sentence = _("Stripe has called this refund pending for %(days)s days: look at it in Stripe's dashboard.")
    ended = When(follow_up.PENDING_REFUND.ended(), then=Value(sentence % {"days": days}))
    return Case(ended, default=Value(""))


def _refund_of(result: RefundResult) -> Refund | None:
    rows = Refund.objects.locked().select_related("payment__invoice")
    if result.refund_id:
        return rows.get(pk=result.refund_id)
    known = rows.filter(stripe_refund_id=result.stripe_id).first()
    if known:
        return known
    # Somebody created in Stripe's dashboard the very refund that is requested here, and there is no room for both.
    same = rows.filter(payment=result.payment_id, amount=result.amount, status=Refund.Status.REQUESTED).first()
    return same if same and same.payment.refundable < result.amount else None


def _without_foreign_refund(refund: Refund, result: RefundResult) -> RefundResult:
    """Turn "already refunded" into a plain failure where the refund at Stripe has a row of its own."""
    if not (result.refusal and Refund.objects.filter(stripe_refund_id=result.stripe_id).exclude(pk=refund.pk).exists()):
        return result
    return replace(
        result, status=Refund.Status.FAILED, stripe_id="", failure_code="already_refunded", message=result.refusal
    )


def _check_refundable(result: RefundResult, payment_id: int, amount: int) -> None:
    payment = Payment.objects.locked().get(pk=payment_id)
    if result.status is not Refund.Status.FAILED and amount > payment.refundable:
        sent, left = format_money(amount, payment.currency), format_money(payment.refundable, payment.currency)
        sentence = _("Stripe sent back %(sent)s of %(payment)s (%(id)s), where %(left)s was left to be refunded.")
        raise RetryLater(sentence % {"sent": sent, "payment": payment, "id": result.stripe_id, "left": left})


def _may_become(status: Refund.Status) -> Q:
    """Match the refunds that may come to a status: a success can still fail, but what failed at Stripe is final."""
    statuses = Refund.Status
    failed_here_alone = Q(status=statuses.FAILED, stripe_refund_id=None)
    if status is statuses.FAILED:
        return Q(status__in=(statuses.REQUESTED, statuses.PENDING, statuses.SUCCEEDED))
    return Q(status__in=(statuses.REQUESTED, statuses.PENDING)) | failed_here_alone


def _create_from_stripe(result: RefundResult, *, at: datetime) -> Refund:
    first_at = follow_up.PENDING_REFUND.first_at() if result.status is Refund.Status.PENDING else None
    schedule = {"attention": "", "next_attempt_at": first_at}  # an INSERT can't read its own columns
    created = Refund.objects.create(
        payment_id=result.payment_id,
        amount=result.amount,
        currency=result.currency,
        stripe_refund_id=result.stripe_id,
        requested_at=at,
        first_sent_at=Now(),
        **(_refund_columns(result, at=at) | schedule),
        **STRIPE.columns,
    )
    created.refresh_from_db(fields=["next_attempt_at"])
    return created
