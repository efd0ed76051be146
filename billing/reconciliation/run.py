"""Reconciliation: compare every payment and refund with Stripe's, page by page, resuming where the last worker stopped.

What differs is fetched from Stripe and sent as a result first; what differs still is recorded for staff.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from billing import gateway, leases, stripe_state
from billing.models import ComparedObject, Difference, Payment, Reconciliation, Refund, StripeOperation
from billing.reconciliation import checks
from billing.reconciliation.checks import Mismatch
from billing.results import RefreshStatus, StripeResult
from billing.signals import results_received

logger = logging.getLogger(__name__)
Phase = Reconciliation.Phase
OperationT = TypeVar("OperationT", bound=StripeOperation)

PAGE = 100
LEASE = timedelta(minutes=2)  # renewed with each page
UNAVAILABLE_WAIT = timedelta(seconds=30)
# Stripe's lists may lack what was created this shortly before the pass began.
RECENT = timedelta(hours=1)
# Everything: lists are newest first, so that objects created meanwhile come before the first page.
SINCE, UNTIL = datetime(2010, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def start(*, at: datetime) -> Reconciliation:
    """Return an unfinished pass that no worker holds, or else a new one."""
    unfinished = Reconciliation.objects.filter(finished_at=None, next_attempt_at__lte=at).order_by("pk").first()
    return unfinished or Reconciliation.objects.create(started_at=at, next_attempt_at=at)


def run_pass(*, reconciliation_id: int, until: float) -> bool:
    """Work on a pass until a moment of the monotonic clock; tell whether more is to be done now."""
    unfinished = Reconciliation.objects.filter(pk=reconciliation_id, finished_at=None)
    for run in leases.claim(unfinished, at=timezone.now(), lease=LEASE, enqueued_at=None):
        try:
            while run.phase != Phase.DONE and time.monotonic() < until:
                if not _compare_page(run):
                    return False  # slower than its lease: another worker has this pass now
        except gateway.Unavailable as error:
            logger.warning("Reconciling waits for Stripe: %s", error)
            _release(run, next_attempt_at=timezone.now() + UNAVAILABLE_WAIT, error=error.message)
            return False
        if run.phase == Phase.DONE:
            _finish(run)
            return False
        return _release(run, next_attempt_at=timezone.now(), error="")
    return False


def open_differences() -> Iterable[Difference]:
    """Differences nobody has resolved yet, oldest first, read in chunks."""
    return Difference.objects.filter(resolved_at=None).order_by("pk").iterator()


def _compare_page(run: Reconciliation) -> bool:
    match run.phase:
        case Phase.CHARGES:
            run.after = _compare_charges(run)
        case Phase.REFUNDS:
            run.after = _compare_refunds(run)
        case Phase.OUR_PAYMENTS:
            run.after = _check_our_payments(run)
        case Phase.OUR_REFUNDS:
            run.after = _check_our_refunds(run)
    if not run.after:
        phases = list(Phase)
        run.phase = phases[phases.index(Phase(run.phase)) + 1]
    return _release(run, next_attempt_at=timezone.now() + LEASE)


def _release(run: Reconciliation, *, next_attempt_at: datetime | None, **changes: object) -> bool:
    progress = {name: getattr(run, name) for name in ("phase", "after", "compared", "settled")}
    return leases.release(run, next_attempt_at=next_attempt_at, **progress, **changes)


def _finish(run: Reconciliation) -> None:
    # Every difference that still exists was seen again in this pass.
    gone = Difference.objects.filter(resolved_at=None, seen_at__lt=run.started_at)
    resolved = list(gone)
    gone.update(resolved_at=timezone.now())
    _refresh_orders(resolved)
    ComparedObject.objects.filter(reconciliation=run).delete()
    _release(run, next_attempt_at=None, finished_at=timezone.now(), error="")


# Objects at Stripe, compared with our rows


def _compare_charges(run: Reconciliation) -> str:
    page = list(islice(gateway.list_intents_between(SINCE, UNTIL, after=run.after), PAGE))
    payments = _payments_of(page)
    differing = [intent for intent in page if checks.compare_charge(intent, payments.get(intent.id))]
    _send_results(stripe_state.fetch_intent(intent.id) for intent in differing if intent.id in payments)
    # Compared again, now that the results are applied.
    payments |= _payments_of(differing)
    left = [found for intent in differing if (found := checks.compare_charge(intent, payments.get(intent.id)))]
    run.settled += len(differing) - len(left)
    _record_differences(left)
    ours = (intent_id for intent_id, payment in payments.items() if payment.stripe_payment_intent_id == intent_id)
    _record_compared(run, ours)
    run.compared += len(page)
    return page[-1].id if len(page) == PAGE else ""


def _payments_of(page: Sequence[gateway.PaymentIntent]) -> dict[str, Payment]:
    named = {intent.id: stripe_state.parse_uuid(intent.metadata.get("payment")) for intent in page}
    ours = Q(stripe_payment_intent_id__in=named) | Q(uuid__in=[uuid for uuid in named.values() if uuid])
    payments = list(Payment.objects.filter(ours).select_related("invoice"))
    return _rows_of(named, payments, {payment.stripe_payment_intent_id: payment for payment in payments})


def _rows_of(
    named: Mapping[str, UUID | None], rows: Sequence[OperationT], by_id: Mapping[str | None, OperationT]
) -> dict[str, OperationT]:
    """Map Stripe's ids to rows: the row with that id, else the row that the object's metadata names."""
    by_uuid: dict[UUID | None, OperationT] = {row.uuid: row for row in rows}
    pairs = {stripe_id: by_id.get(stripe_id) or by_uuid.get(uuid) for stripe_id, uuid in named.items()}
    return {stripe_id: row for stripe_id, row in pairs.items() if row}


def _compare_refunds(run: Reconciliation) -> str:
    page = list(islice(gateway.list_refunds_between(SINCE, UNTIL, after=run.after), PAGE))
    differing = _differing_refunds(page)
    _send_results(_results_of_ours(refund) for refund, _mismatch in differing)
    left = [mismatch for _refund, mismatch in _differing_refunds([refund for refund, _mismatch in differing])]
    run.settled += len(differing) - len(left)
    _record_differences(left)
    _record_compared(run, _refunds_of(page))
    run.compared += len(page)
    return page[-1].id if len(page) == PAGE else ""


def _differing_refunds(page: Sequence[gateway.StripeRefund]) -> list[tuple[gateway.StripeRefund, Mismatch]]:
    refunds = _refunds_of(page)
    payments = Payment.objects.in_bulk({each.intent_id for each in page}, field_name="stripe_payment_intent_id")
    pairs = ((each, checks.compare_refund(each, refunds.get(each.id), payments.get(each.intent_id))) for each in page)
    return [(each, mismatch) for each, mismatch in pairs if mismatch]


def _refunds_of(page: Sequence[gateway.StripeRefund]) -> dict[str, Refund]:
    named = {each.id: stripe_state.parse_uuid(each.metadata.get("refund")) for each in page}
    ours = Q(stripe_refund_id__in=named) | Q(uuid__in=[uuid for uuid in named.values() if uuid])
    refunds = list(Refund.objects.filter(ours).select_related("payment__invoice"))
    return _rows_of(named, refunds, {refund.stripe_refund_id: refund for refund in refunds})


def _results_of_ours(stripe_refund: gateway.StripeRefund) -> list[StripeResult]:
    # A refund of a charge that is not ours needs no call to Stripe for that charge.
    paid_here = Payment.objects.filter(stripe_payment_intent_id=stripe_refund.intent_id).exists()
    ours = paid_here or stripe_state.parse_uuid(stripe_refund.metadata.get("refund"))
    return stripe_state.refund_results([stripe_refund]) if ours else []


def _send_results(fetched: Iterable[list[StripeResult]]) -> None:
    for result in (each for results in fetched for each in results):
        try:
            results_received.send(sender=Reconciliation, results=[result], at=timezone.now())
        except Exception as error:  # noqa: BLE001 - what could not be applied is found to differ still
            logger.warning("Reconciling could not apply %r: %r", result, error)


# Our rows that no object at Stripe was compared with


def _check_our_payments(run: Reconciliation) -> str:
    succeeded = Payment.objects.filter(status=Payment.Status.SUCCEEDED).select_related("invoice")
    page = _not_compared(succeeded, run, "stripe_payment_intent_id")
    missing = [
        payment
        for payment in page
        if not _created_since(run, payment, gateway.retrieve_intent, payment.stripe_payment_intent_id)
    ]
    _record_differences(checks.missing_charge(payment) for payment in missing)
    return str(page[-1].pk) if len(page) == PAGE else ""


def _check_our_refunds(run: Reconciliation) -> str:
    accepted = (Refund.Status.PENDING, Refund.Status.SUCCEEDED)
    at_stripe = Refund.objects.filter(status__in=accepted, settled_outside=False).select_related("payment__invoice")
    page = _not_compared(at_stripe, run, "stripe_refund_id")
    missing = [
        refund for refund in page if not _created_since(run, refund, gateway.retrieve_refund, refund.stripe_refund_id)
    ]
    _record_differences(checks.missing_refund(refund) for refund in missing)
    return str(page[-1].pk) if len(page) == PAGE else ""


def _not_compared(rows: QuerySet[OperationT], run: Reconciliation, column: str) -> list[OperationT]:
    compared = ComparedObject.objects.filter(reconciliation=run, stripe_id=OuterRef(column))
    return list(rows.filter(~Exists(compared), pk__gt=int(run.after or 0)).order_by("pk")[:PAGE])


def _created_since(
    run: Reconciliation, operation: StripeOperation, retrieve: Callable[[str], object], stripe_id: str | None
) -> bool:
    """Tell whether it was created while Stripe's lists were read: it is not in them, but it exists."""
    if operation.first_sent_at is None or operation.first_sent_at < run.started_at - RECENT:
        return False
    try:
        retrieve(stripe_id or "")
    except gateway.InvalidRequest:
        return False
    return True


# Records


def _record_compared(run: Reconciliation, stripe_ids: Iterable[str]) -> None:
    rows = [ComparedObject(reconciliation=run, stripe_id=stripe_id) for stripe_id in stripe_ids]
    # A page is compared twice when its worker died before the next one.
    ComparedObject.objects.bulk_create(rows, ignore_conflicts=True)


def _record_differences(mismatches: Iterable[Mismatch]) -> None:
    now, new = timezone.now(), []
    for found in mismatches:
        known = Difference.objects.filter(kind=found.kind, stripe_id=found.stripe_id, resolved_at=None)
        if not known.update(seen_at=now, sentence=found.sentence):
            columns = {name: getattr(found, name) for name in ("kind", "stripe_id", "sentence", "payment")}
            new.append(Difference(**columns, found_at=now, seen_at=now))
    Difference.objects.bulk_create(new, ignore_conflicts=True)
    _refresh_orders(new)


def _refresh_orders(differences: Iterable[Difference]) -> None:
    """Have the orders show that they need attention, or no longer do."""
    payment_ids = sorted({each.payment_id for each in differences if each.payment_id})
    if payment_ids:
        results = [RefreshStatus(payment_id=payment_id) for payment_id in payment_ids]
        results_received.send(sender=Difference, results=results, at=timezone.now())
