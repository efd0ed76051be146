"""Payments and refunds as rows: begun as wishes, closed once with what Stripe said.

Every function here runs inside the transaction of its caller, who holds the order's lock. What lies between the two
is `settling`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Q, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from billing.gateway import CardDetails
from billing.leases import LEASE
from billing.models import Card, Invoice, Payment, Refund
from billing.money import format_money
from billing.results import DisputeResult, PaymentResult, RefundResult
from customers.actors import STRIPE, Actor

ASK_AGAIN = timedelta(minutes=10)
FOLLOW_PENDING = timedelta(hours=1)

OPEN_STATUSES = (Payment.Status.REQUESTED, Payment.Status.PROCESSING, Payment.Status.REQUIRES_ACTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentSource:
    """What to charge: a saved card, or a token of a new one (pm_… or tok_…), kept for the next time if `save`."""

    card: Card | None = None
    token: str = ""
    save: bool = True


class RetryLater(Exception):
    """An answer that fits nothing here until something else is answered, or a person looks: it is heard again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentChange:
    """A payment after an answer; `won` says that this answer changed it from `before`."""

    payment: Payment
    before: str
    won: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundChange:
    """A refund after an answer; `won` says that this answer changed it from `before` ("" where it was unknown)."""

    refund: Refund
    before: str
    won: bool


def create_payment(*, invoice: Invoice, means: PaymentSource, at: datetime) -> Payment:
    """Write the wish to charge an invoice."""
    return Payment.objects.create(
        invoice=invoice,
        card=means.card,
        amount=invoice.total,
        currency=invoice.currency,
        params=_charge_params(means),
        status=Payment.Status.PROCESSING,
        next_attempt_at=at,
        requested_at=at,
    )


def _charge_params(means: PaymentSource) -> dict[str, Any]:
    if means.card:
        return {"payment_method": means.card.stripe_payment_method_id}
    kept = {"setup_future_usage": "on_session"} if means.save else {}
    if means.token.startswith("pm_"):
        return {"payment_method": means.token} | kept
    return {"payment_method_data": {"type": "card", "card": {"token": means.token}}} | kept


def create_refund(*, payment: Payment, amount: int, reason: str, by: Actor, at: datetime) -> Refund:
    """Write the wish to send money back; the database refuses more than was paid."""
    (refund,) = create_refunds(amounts=[(payment, amount)], reason=reason, by=by, at=at)
    return refund


def create_refunds(*, amounts: Sequence[tuple[Payment, int]], reason: str, by: Actor, at: datetime) -> list[Refund]:
    """Write the wishes to send money of several payments back, in the order of their keys."""
    wishes = []
    for payment, amount in sorted(amounts, key=lambda pair: pair[0].pk):
        wish = Refund(payment=payment, amount=amount, currency=payment.currency, reason=reason, **by.columns)
        wish.next_attempt_at = wish.requested_at = at
        wish.params = {
            "payment_intent": payment.stripe_payment_intent_id,
            "amount": amount,
            "metadata": {"refund": str(wish.uuid), "payment": str(payment.uuid)},
        }
        wishes.append(wish)
    return Refund.objects.bulk_create(wishes)


def end_authentication(*, payment: Payment, at: datetime) -> bool:
    """Ask for the end of an authentication that a browser may still complete; tell whether there was one."""
    waiting = Payment.objects.filter(pk=payment.pk, status=Payment.Status.REQUIRES_ACTION)
    # Never within a minute from now: that may be a lease, and whoever holds it is asking just this.
    waiting.filter(next_attempt_at__gt=timezone.now() + LEASE).update(next_attempt_at=at)
    return bool(waiting.update(cancel_requested_at=at))


def apply_payment_result(*, answer: PaymentResult, at: datetime) -> PaymentChange:
    """Write Stripe's answer once."""
    payment = Payment.objects.locked().select_related("invoice__customer", "card").get(pk=answer.payment_id)
    before = payment.status
    if answer.status is Payment.Status.SUCCEEDED and answer.card and not payment.card_id:
        payment.card = _remembered(answer.card, payment)
    # A conditional UPDATE says who won: whoever comes second changes nothing.
    unsettled = Payment.objects.filter(pk=payment.pk, status__in=OPEN_STATUSES)
    written = unsettled.update(**_payment_columns(payment, answer, at=at))
    payment.refresh_from_db()
    return PaymentChange(payment=payment, before=before, won=bool(written) and before != payment.status)


def _payment_columns(payment: Payment, answer: PaymentResult, *, at: datetime) -> dict[str, Any]:
    waiting = answer.status is Payment.Status.REQUIRES_ACTION
    return {
        "status": answer.status,
        "card": payment.card,
        "stripe_payment_intent_id": answer.intent_id or payment.stripe_payment_intent_id,
        "client_secret": answer.client_secret or payment.client_secret,
        "failure_code": answer.failure_code,
        "decline_code": answer.decline_code,
        "failure_message": answer.message,
        "attention": "",
        "next_attempt_at": _ask_again(payment, at=at) if waiting else None,
        "closed_at": None if waiting else at,
    }


def _ask_again(payment: Payment, *, at: datetime) -> datetime | None:
    # Whoever asked for its end is not put off.
    return payment.next_attempt_at if payment.cancel_requested_at else at + ASK_AGAIN


def adopt_late_success(*, payment: Payment, answer: PaymentResult, at: datetime) -> None:
    """Turn a payment that was given up into the one that succeeded; its invoice must have no other live one."""
    if answer.card and not payment.card_id:
        payment.card = _remembered(answer.card, payment)
    columns = _payment_columns(payment, answer, at=at)
    if Payment.objects.filter(pk=payment.pk, status=Payment.Status.FAILED).update(**columns) != 1:
        raise RuntimeError(f"Payment {payment} is not failed any more.")
    payment.refresh_from_db()


def _remembered(facts: CardDetails, payment: Payment) -> Card:
    card, made = Card.objects.get_or_create(
        stripe_payment_method_id=facts.id,
        defaults={
            "customer": payment.invoice.customer,
            "brand": facts.brand,
            "last4": facts.last4,
            "exp_month": facts.exp_month,
            "exp_year": facts.exp_year,
            "fingerprint": facts.fingerprint if facts.attached else "",
            # One that Stripe did not keep for the customer was used once and can't be charged again.
            "removed_at": None if facts.attached else payment.requested_at,
        },
    )
    if made and card.same().filter(removed_at=None).exclude(pk=card.pk).exists():
        # A saved card that was typed again: it is offered once, under the name by which others know it.
        Card.objects.filter(pk=card.pk).update(removed_at=payment.requested_at)
    return card


def apply_refund_result(*, answer: RefundResult, at: datetime) -> RefundChange:
    """Write Stripe's answer once; a refund that only Stripe knows gets its row. Raise NotYet."""
    refund = _known(answer)
    if refund is None:
        _check_room(answer, answer.payment_id, answer.amount)
        return RefundChange(refund=_adopted(answer, at=at), before="", won=True)
    answer = _unless_taken(refund, answer)
    before = refund.status
    if before == Refund.Status.FAILED and answer.status != Refund.Status.FAILED:
        _check_room(answer, refund.payment_id, refund.amount)
    written = Refund.objects.filter(_may_become(answer), pk=refund.pk).update(
        status=answer.status,
        stripe_refund_id=answer.stripe_id or refund.stripe_refund_id,
        failure_code=answer.failure_code,
        failure_message=answer.message,
        attention="",
        next_attempt_at=at + FOLLOW_PENDING if answer.status is Refund.Status.PENDING else None,
        closed_at=None if answer.status is Refund.Status.PENDING else at,
    )
    refund.refresh_from_db()
    return RefundChange(refund=refund, before=before, won=bool(written) and before != refund.status)


def apply_refund_results(*, answers: Sequence[RefundResult], at: datetime) -> None:
    """Write many times that Stripe said yes to a refund that was only wished for, and that the caller locked."""
    by_status = {status: [each for each in answers if each.status is status] for status in {a.status for a in answers}}
    for status, alike in by_status.items():
        pending = status is Refund.Status.PENDING
        names = Case(*(When(pk=each.refund_id, then=Value(each.stripe_id)) for each in alike))
        wished = Refund.objects.filter(pk__in=[each.refund_id for each in alike], status=Refund.Status.REQUESTED)
        written = wished.update(
            status=status,
            stripe_refund_id=names,
            failure_code="",
            failure_message="",
            attention="",
            next_attempt_at=at + FOLLOW_PENDING if pending else None,
            closed_at=None if pending else at,
        )
        if written != len(alike):
            raise RuntimeError(f"{len(alike) - written} refunds had an answer already.")


def _known(answer: RefundResult) -> Refund | None:
    rows = Refund.objects.locked().select_related("payment__invoice")
    if answer.refund_id:
        return rows.get(pk=answer.refund_id)
    return rows.filter(stripe_refund_id=answer.stripe_id).first() or _wished_too(answer)


def _wished_too(answer: RefundResult) -> Refund | None:
    """Find the wish for the very refund that somebody made by hand at Stripe first: there is no room for both."""
    wish = (
        Refund.objects.locked()
        .select_related("payment__invoice")
        .filter(payment=answer.payment_id, amount=answer.amount, status=Refund.Status.REQUESTED)
    )
    found = wish.first()
    return found if found and found.payment.refundable < answer.amount else None


def _unless_taken(refund: Refund, answer: RefundResult) -> RefundResult:
    """Read the one made by hand as a plain refusal where it has a row of its own."""
    if not (answer.refusal and Refund.objects.filter(stripe_refund_id=answer.stripe_id).exclude(pk=refund.pk).exists()):
        return answer
    return replace(
        answer, status=Refund.Status.FAILED, stripe_id="", failure_code="already_refunded", message=answer.refusal
    )


def _check_room(answer: RefundResult, payment_id: int, amount: int) -> None:
    payment = Payment.objects.locked().get(pk=payment_id)
    if answer.status is not Refund.Status.FAILED and amount > payment.refundable:
        sent, left = format_money(amount, payment.currency), format_money(payment.refundable, payment.currency)
        sentence = _("Stripe sent back %(sent)s of %(payment)s (%(id)s), where %(left)s was left to be refunded.")
        raise RetryLater(sentence % {"sent": sent, "payment": payment, "id": answer.stripe_id, "left": left})


def _may_become(answer: RefundResult) -> Q:
    """Say which refunds may come to this status: a yes can be taken back, Stripe's own no can't."""
    known = Refund.Status
    given_up_here = Q(status=known.FAILED, stripe_refund_id=None)
    return {
        known.PENDING: Q(status__in=(known.REQUESTED, known.PENDING)) | given_up_here,
        known.SUCCEEDED: Q(status__in=(known.REQUESTED, known.PENDING)) | given_up_here,
        known.FAILED: Q(status__in=(known.REQUESTED, known.PENDING, known.SUCCEEDED)),
    }[answer.status]


def _adopted(answer: RefundResult, *, at: datetime) -> Refund:
    pending = answer.status is Refund.Status.PENDING
    return Refund.objects.create(
        payment_id=answer.payment_id,
        amount=answer.amount,
        currency=answer.currency,
        status=answer.status,
        stripe_refund_id=answer.stripe_id,
        failure_code=answer.failure_code,
        failure_message=answer.message,
        requested_at=at,
        first_sent_at=at,
        next_attempt_at=at + FOLLOW_PENDING if pending else None,
        closed_at=None if pending else at,
        **STRIPE.columns,
    )


def apply_dispute_result(*, answer: DisputeResult, at: datetime) -> tuple[Payment, bool]:
    """Write what became of a dispute once; tell whether this answer changed anything."""
    payment = Payment.objects.locked().select_related("invoice__customer").get(pk=answer.payment_id)
    decided = payment.dispute != Payment.Dispute.OPEN
    if payment.stripe_dispute_id == answer.stripe_id and (decided or answer.status == payment.dispute):
        return payment, False
    payment.stripe_dispute_id, payment.dispute, payment.dispute_reason = answer.stripe_id, answer.status, answer.reason
    payment.disputed_at = None if answer.status is Payment.Dispute.WON else payment.disputed_at or at
    payment.save(update_fields=["stripe_dispute_id", "dispute", "dispute_reason", "disputed_at"])
    return payment, True
