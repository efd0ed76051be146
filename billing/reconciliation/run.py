"""Reconciliation: compare payments and refunds with Stripe's, page by page, resuming where the last worker stopped.

What differs is fetched from Stripe and sent as a result first; what differs still is recorded for staff. A whole pass
reads everything; a limited one what was created since a time that Stripe told, and each difference still open.
"""

import logging
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db.models import QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from backoffice import database_clock, leases, shutdown
from billing import gateway, numbers, restore
from billing.models import ComparedObject, Difference, Payment, Reconciliation, Refund, StripeOperation
from billing.reconciliation import checks, disputes, records, settle, taxes
from billing.reconciliation.checks import Mismatch
from billing.results import CheckBooks, NumbersSeen

logger = logging.getLogger(__name__)
Phase, Kind = Reconciliation.Phase, Difference.Kind
OperationT = TypeVar("OperationT", bound=StripeOperation)

LEASE = timedelta(minutes=2)  # renewed with each page
BOOKS_LEASE = timedelta(minutes=30)  # some twenty queries over all rows
UNAVAILABLE_WAIT = timedelta(seconds=20)
# Stripe's lists may lack what was created this shortly before the pass began.
RECENT = timedelta(hours=1)
# An authentication may take a day: what was created before the last pass may have succeeded after it.
OVERLAP = timedelta(days=2)
WHOLE_EVERY = timedelta(days=6, hours=12)
ORDER_NUMBER = re.compile(r"\d{1,15}", re.ASCII)


def start(*, since: datetime | None = None) -> Reconciliation:
    """Return an unfinished pass that no worker holds, or else a new one; a whole one unless `since` limits it."""
    unfinished = Reconciliation.objects.filter(finished_at=None, next_attempt_at__lte=Now())
    # A limited pass is no answer to who asks for a whole one.
    wide_enough = unfinished.filter(since=None) if since is None else unfinished
    return wide_enough.order_by("pk").first() or Reconciliation.objects.create(since=since)


def start_whole() -> Reconciliation:
    """Start a pass over everything, whatever is unfinished: what was begun before may have skipped something."""
    return Reconciliation.objects.create()


def start_nightly() -> Reconciliation:
    """Start what a night needs: a whole pass each week, else what changed since the last one."""
    finished = Reconciliation.objects.filter(finished_at__isnull=False, newest_at__isnull=False)
    whole = finished.filter(since=None, started_at__gt=Now() - WHOLE_EVERY).exists()
    last = finished.order_by("-pk").first()
    return start(since=last.newest_at - OVERLAP if whole and last and last.newest_at else None)


def run_pass(*, reconciliation_id: int, until: float) -> bool:
    """Work on a pass until a moment of the monotonic clock; tell whether more is to be done now."""
    unfinished = Reconciliation.objects.filter(pk=reconciliation_id, finished_at=None)
    for run in leases.claim(unfinished, lease=LEASE, enqueued_at=None):
        try:
            while run.phase != Phase.DONE and not shutdown.time_is_up(until):
                if not _compare_page(run):
                    return False  # slower than its lease: another worker has this pass now
        except gateway.Unavailable as error:
            logger.warning("Reconciling waits for Stripe: %s", error)
            _release(run, next_attempt_at=Now() + UNAVAILABLE_WAIT, error=error.message)
            return False
        if run.phase == Phase.DONE:
            _finish(run)
            return False
        return _release(run, next_attempt_at=Now(), error="")
    return False


def _compare_page(run: Reconciliation) -> bool:
    run.after = _compare[Phase(run.phase)](run)
    if not run.after:
        phases = list(Phase)
        run.phase = phases[phases.index(Phase(run.phase)) + 1]
    return _release(run, next_attempt_at=Now() + LEASE)


PROGRESS = ("phase", "after", "compared", "settled", "not_ours", "newest_at", "highest_order", "highest_invoice")


def _release(run: Reconciliation, *, next_attempt_at: Combinable | None, **changes: object) -> bool:
    progress = {name: getattr(run, name) for name in PROGRESS}
    return leases.release(run, next_attempt_at=next_attempt_at, **progress, **changes)


def _finish(run: Reconciliation) -> None:
    # Every difference that still exists was seen again in this pass. Those of our own books end with their rule.
    gone = records.open_differences().exclude(seen_in=run.pk).exclude(kind=Kind.OWN_BOOKS)
    records.end(gone, Difference.Outcome.AGREES, at=database_clock.now())
    restore.move_counter("invoice", past=run.highest_invoice)
    settle.send([NumbersSeen(order=run.highest_order)])
    ComparedObject.objects.filter(reconciliation=run).delete()
    _release(run, next_attempt_at=None, finished_at=Now(), error="")


# Objects at Stripe, compared with our rows


def _compare_charges(run: Reconciliation) -> str:
    page = gateway.intents_page(since=run.since, after=run.after)
    records.record_unreadable(run, page.unreadable)
    payments = settle.payments_of(page.rows)
    ours = checks.charges_of_ours(each for each in page.rows if each.id not in payments)
    foreign = [each for each in page.rows if each.id not in payments and each.id not in ours]
    run.not_ours += len(foreign)
    for intent in page.rows:
        if intent not in foreign and settle.judge_charge(intent, payments.get(intent.id)):
            run.settled += settle.judge_again(intent, payments, run_id=run.pk)
    _note_numbers(run, page.rows)
    payments = settle.payments_of(page.rows)
    settle.note_charge_ids(page.rows, payments)
    settle.note_reviews(page.rows, payments)
    records.record_compared(run, (key for key, payment in payments.items() if payment.stripe_payment_intent_id == key))
    run.compared += len(page.rows) - len(foreign)
    return page.after


def _note_numbers(run: Reconciliation, page: Sequence[gateway.PaymentIntent]) -> None:
    if page:
        newest = datetime.fromtimestamp(max(intent.created for intent in page), tz=UTC)
        run.newest_at = max(newest, run.newest_at or newest)
    for intent in page:
        # The number alone may be that of another shop with this account.
        if checks.is_uuid(intent.metadata.get("payment")):
            order = ORDER_NUMBER.fullmatch(intent.metadata.get("order", ""))
            invoice = numbers.NUMBER.fullmatch(intent.metadata.get("invoice", ""))
            run.highest_order = max(run.highest_order, int(order[0]) if order else 0)
            run.highest_invoice = max(run.highest_invoice, int(invoice[1]) if invoice else 0)


def _compare_refunds(run: Reconciliation) -> str:
    page = gateway.refunds_page(since=run.since, after=run.after)
    records.record_unreadable(run, page.unreadable)
    differing = _differing_refunds(page.rows)
    for stripe_refund, _mismatch in differing:
        settle.settle_refund(stripe_refund)
    left = [mismatch for _refund, mismatch in _differing_refunds([refund for refund, _mismatch in differing])]
    run.settled += len(differing) - len(left)
    records.record(left, run_id=run.pk)
    known = settle.refunds_of(page.rows)
    foreign = _foreign_refunds(page.rows, known)
    records.record_compared(run, known)
    run.not_ours += foreign
    run.compared += len(page.rows) - foreign
    return page.after


def _compare_disputes(run: Reconciliation) -> str:
    page = gateway.disputes_page(since=run.since, after=run.after)
    records.record_unreadable(run, page.unreadable)
    compared = disputes.compare(page.rows, run_id=run.pk)
    records.record_compared(run, compared.ids)
    run.compared += len(compared.ids)
    run.settled += compared.settled
    run.not_ours += compared.not_ours
    return page.after


def _check_books(run: Reconciliation) -> str:
    _release(run, next_attempt_at=Now() + BOOKS_LEASE)
    settle.attempt(lambda: settle.send([CheckBooks(run_id=run.pk)]))
    return ""


def _foreign_refunds(page: Sequence[gateway.StripeRefund], known: dict[str, Refund]) -> int:
    intents = {each.intent_id for each in page}
    listed = Difference.objects.filter(stripe_id__in=intents).exclude(outcome=Difference.Outcome.NOT_OURS)
    charges = {*_payments_refunded(page), *listed.values_list("stripe_id", flat=True)}
    unknown = (each for each in page if each.id not in known and each.intent_id not in charges)
    return sum(not checks.is_uuid(each.metadata.get("refund")) for each in unknown)


def _differing_refunds(page: Sequence[gateway.StripeRefund]) -> list[tuple[gateway.StripeRefund, Mismatch]]:
    refunds, payments = settle.refunds_of(page), _payments_refunded(page)
    pairs = ((each, settle.judge_refund(each, refunds.get(each.id), payments.get(each.intent_id))) for each in page)
    return [(each, mismatch) for each, mismatch in pairs if mismatch]


def _payments_refunded(page: Sequence[gateway.StripeRefund]) -> dict[str, Payment]:
    return Payment.objects.in_bulk({each.intent_id for each in page}, field_name="stripe_payment_intent_id")


# Our rows that no object at Stripe was compared with


def _check_our_payments(run: Reconciliation) -> str:
    succeeded = Payment.objects.filter(status=Payment.Status.SUCCEEDED).select_related("invoice")
    page = _not_compared(succeeded, run, "stripe_payment_intent_id")
    for payment in page:
        _check_exists(run, payment, payment.stripe_payment_intent_id, gateway.retrieve_intent, checks.missing_charge)
    return str(page[-1].pk) if len(page) == records.PAGE else ""


def _check_our_refunds(run: Reconciliation) -> str:
    accepted = (Refund.Status.PENDING, Refund.Status.SUCCEEDED)
    # One of fees alone was never sent.
    at_stripe = Refund.objects.filter(status__in=accepted, settled_outside=False, amount__gt=0)
    page = _not_compared(at_stripe.select_related("payment__invoice"), run, "stripe_refund_id")
    for refund in page:
        _check_exists(run, refund, refund.stripe_refund_id, gateway.retrieve_refund, checks.missing_refund)
    return str(page[-1].pk) if len(page) == records.PAGE else ""


def _check_our_disputes(run: Reconciliation) -> str:
    disputed = Payment.objects.exclude(stripe_dispute_id="").select_related("invoice")
    since = {"disputed_at__gte": run.since} if run.since else {}
    page = records.not_compared(disputed.filter(**since), run, "stripe_dispute_id")
    for payment in page:
        # An older one of a payment is not listed again, but exists.
        if not _exists(payment.stripe_dispute_id, gateway.retrieve_dispute):
            records.record([disputes.missing(payment)], run_id=run.pk)
    return str(page[-1].pk) if len(page) == records.PAGE else ""


def _not_compared(rows: QuerySet[OperationT], run: Reconciliation, column: str) -> list[OperationT]:
    return records.not_compared(rows.filter(closed_at__gte=run.since) if run.since else rows, run, column)


def _check_exists(
    run: Reconciliation,
    operation: OperationT,
    stripe_id: str | None,
    retrieve: Callable[[str], object],
    describe: Callable[[OperationT], Mismatch],
) -> None:
    # What was created while Stripe's lists were read, or before they begin, is not in them, but exists.
    recent = operation.first_sent_at is not None and operation.first_sent_at >= run.started_at - RECENT
    try:
        missing = not (stripe_id and (run.since or recent) and _exists(stripe_id, retrieve))
        found = describe(operation) if missing else None
    except gateway.Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - the run goes on, and a person looks at this one
        found = checks.not_judged(str(operation), repr(error))
    if found:
        records.record([found], run_id=run.pk)


def _exists(stripe_id: str, retrieve: Callable[[str], object]) -> bool:
    try:
        retrieve(stripe_id)
    except gateway.InvalidRequest:
        return False
    return True


# Differences that are still open, and that a limited pass did not come by


def _look_again(run: Reconciliation) -> str:
    unseen = records.open_differences().exclude(seen_in=run.pk).exclude(kind=Kind.OWN_BOOKS)
    page = list(unseen.filter(pk__gt=int(run.after or 0))[: records.PAGE]) if run.since else []
    for difference in page:
        try:
            still = not _agrees_now(difference, run)
        except gateway.Unavailable:
            raise
        except Exception:
            logger.exception("Difference %s stays as it is.", difference.pk)
            still = True
        if still:
            Difference.objects.filter(pk=difference.pk).update(seen_in=run.pk)
    return str(page[-1].pk) if len(page) == records.PAGE else ""


def _agrees_now(difference: Difference, run: Reconciliation) -> bool:
    if difference.stripe_id.startswith("pi_"):
        intent = gateway.retrieve_intent(difference.stripe_id)
        return settle.judge_again(intent, settle.payments_of([intent]), run_id=run.pk)
    if difference.stripe_id.startswith("re_"):
        stripe_refund = gateway.retrieve_refund(difference.stripe_id)
        settle.settle_refund(stripe_refund)
        return not _differing_refunds([stripe_refund])
    if difference.stripe_id.startswith(("dp_", "du_")):
        return disputes.agrees_now(difference.stripe_id)
    if difference.kind in {Kind.TAX_DIFFERS, Kind.TAX_MISSING}:
        return taxes.agrees_now(difference.stripe_id)
    return False


# Each compares one page, and returns where the next one begins; "" after the last.
_compare: dict[Reconciliation.Phase, Callable[[Reconciliation], str]] = {
    Phase.CHARGES: _compare_charges,
    Phase.REFUNDS: _compare_refunds,
    Phase.DISPUTES: _compare_disputes,
    Phase.OUR_PAYMENTS: _check_our_payments,
    Phase.OUR_REFUNDS: _check_our_refunds,
    Phase.OUR_DISPUTES: _check_our_disputes,
    Phase.OUR_TAXES: taxes.check_page,
    Phase.DIFFERENCES: _look_again,
    Phase.OWN_BOOKS: _check_books,
}
