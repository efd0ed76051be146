"""Reconcile: every payment and refund held against Stripe's records, page by page, from where it was left.

What is safe is settled by itself, by handing Stripe's word to whoever finishes it; the rest is kept as differences.
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
from billing.models import Difference, Payment, Reconciliation, Refund, Seen, StripeOperation
from billing.reconciliation import checks
from billing.reconciliation.checks import Mismatch
from billing.results import RefreshStatus, StripeResult
from billing.signals import results_received

logger = logging.getLogger(__name__)
Phase = Reconciliation.Phase
WishT = TypeVar("WishT", bound=StripeOperation)

PAGE = 100
LEASE = timedelta(minutes=2)
TROUBLE_WAIT = timedelta(seconds=30)
RECENTLY = timedelta(hours=1)
# Lists give the newest first: what comes into being meanwhile stands before the first page.
BEGINNING, END = datetime(2010, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def begin(*, at: datetime) -> Reconciliation:
    """Go on with the pass that was left, or begin another."""
    left = Reconciliation.objects.filter(finished_at=None, next_attempt_at__lte=at).order_by("pk").first()
    return left or Reconciliation.objects.create(started_at=at, next_attempt_at=at)


def work(*, reconciliation_id: int, until: float) -> bool:
    """Work on a pass until a moment of the monotonic clock; tell whether more is to be done now.

    With Stripe unavailable the reason is kept, and it is due again later.
    """
    unfinished = Reconciliation.objects.filter(pk=reconciliation_id, finished_at=None)
    for run in leases.claim(unfinished, at=timezone.now(), lease=LEASE):
        return _work(run, until=until)
    return False


def _work(run: Reconciliation, *, until: float) -> bool:
    try:
        while run.phase != Phase.DONE and time.monotonic() < until:
            _turn_page(run)
    except gateway.Unavailable as trouble:
        logger.warning("Reconciling waits for Stripe: %s", trouble)
        _keep(run, next_attempt_at=timezone.now() + TROUBLE_WAIT, error=trouble.message)
        return False
    if run.phase == Phase.DONE:
        _end(run)
        return False
    _keep(run, next_attempt_at=timezone.now(), error="")
    return True


def open_differences() -> Iterable[Difference]:
    """Give what is not resolved, the oldest first."""
    return Difference.objects.filter(resolved_at=None).order_by("pk").iterator()


def _keep(run: Reconciliation, **values: object) -> None:
    Reconciliation.objects.filter(pk=run.pk).update(
        phase=run.phase, after=run.after, compared=run.compared, settled=run.settled, **values
    )


def _turn_page(run: Reconciliation) -> None:
    turn: Callable[[Reconciliation], str] = {
        Phase.CHARGES: _charges,
        Phase.REFUNDS: _refunds,
        Phase.OUR_PAYMENTS: _our_payments,
        Phase.OUR_REFUNDS: _our_refunds,
    }[Phase(run.phase)]
    run.after = turn(run)
    if not run.after:
        phases = list(Phase)
        run.phase = phases[phases.index(Phase(run.phase)) + 1]
    _keep(run, next_attempt_at=timezone.now() + LEASE)


# What Stripe has


def _charges(run: Reconciliation) -> str:
    page = list(islice(gateway.list_intents_between(BEGINNING, END, after=run.after), PAGE))
    known = _payments_of(page)
    differing = [intent for intent in page if checks.charge(intent, known.get(intent.id))]
    _settle(stripe_state.fetch_intent(intent.id) for intent in differing if intent.id in known)
    known |= _payments_of(differing)
    left = [each for intent in differing if (each := checks.charge(intent, known.get(intent.id)))]
    run.settled += len(differing) - len(left)
    _note(left)
    _see(run, (intent_id for intent_id, payment in known.items() if payment.stripe_payment_intent_id == intent_id))
    run.compared += len(page)
    return page[-1].id if len(page) == PAGE else ""


def _payments_of(page: Sequence[gateway.PaymentIntent]) -> dict[str, Payment]:
    """Give our payments by the ids of their intents: the one that has the id, else the one that it names."""
    named = {intent.id: stripe_state.uuid_of(intent.metadata.get("payment")) for intent in page}
    ours = Q(stripe_payment_intent_id__in=named) | Q(uuid__in=[uuid for uuid in named.values() if uuid])
    found = list(Payment.objects.filter(ours).select_related("invoice"))
    return _paired(named, found, {payment.stripe_payment_intent_id: payment for payment in found})


def _paired(
    named: Mapping[str, UUID | None], found: Sequence[WishT], by_id: Mapping[str | None, WishT]
) -> dict[str, WishT]:
    by_uuid: dict[UUID | None, WishT] = {wish.uuid: wish for wish in found}
    pairs = {stripe_id: by_id.get(stripe_id) or by_uuid.get(uuid) for stripe_id, uuid in named.items()}
    return {stripe_id: wish for stripe_id, wish in pairs.items() if wish}


def _refunds(run: Reconciliation) -> str:
    page = list(islice(gateway.list_refunds_between(BEGINNING, END, after=run.after), PAGE))
    differing = _differing_refunds(page)
    _settle(_heard_of_ours(found) for found, _difference in differing)
    left = [difference for _found, difference in _differing_refunds([found for found, _difference in differing])]
    run.settled += len(differing) - len(left)
    _note(left)
    _see(run, _refunds_of(page))
    run.compared += len(page)
    return page[-1].id if len(page) == PAGE else ""


def _differing_refunds(page: Sequence[gateway.StripeRefund]) -> list[tuple[gateway.StripeRefund, Mismatch]]:
    ours = _refunds_of(page)
    payments = Payment.objects.in_bulk({found.intent_id for found in page}, field_name="stripe_payment_intent_id")
    pairs = ((found, checks.sent_back(found, ours.get(found.id), payments.get(found.intent_id))) for found in page)
    return [(found, difference) for found, difference in pairs if difference]


def _refunds_of(page: Sequence[gateway.StripeRefund]) -> dict[str, Refund]:
    named = {found.id: stripe_state.uuid_of(found.metadata.get("refund")) for found in page}
    ours = Q(stripe_refund_id__in=named) | Q(uuid__in=[uuid for uuid in named.values() if uuid])
    found = list(Refund.objects.filter(ours).select_related("payment__invoice"))
    return _paired(named, found, {refund.stripe_refund_id: refund for refund in found})


def _heard_of_ours(found: gateway.StripeRefund) -> list[StripeResult]:
    # A refund of a charge that is not ours is nobody's here, and asking Stripe for its charge again tells nothing new.
    known = Payment.objects.filter(stripe_payment_intent_id=found.intent_id).exists()
    return stripe_state.refund_results([found]) if known or stripe_state.uuid_of(found.metadata.get("refund")) else []


def _settle(heard: Iterable[list[StripeResult]]) -> None:
    """Hand over what was heard. What can't be finished stays a difference."""
    for answer in (each for answers in heard for each in answers):
        try:
            results_received.send(sender=Reconciliation, answers=[answer], at=timezone.now())
        except Exception as error:  # noqa: BLE001 - the comparison that follows says what is still not the same
            logger.warning("Reconciling could not finish %r: %r", answer, error)


# What we have and Stripe has not


def _our_payments(run: Reconciliation) -> str:
    ours = Payment.objects.filter(status=Payment.Status.SUCCEEDED).select_related("invoice")
    page = _not_seen(ours, run, "stripe_payment_intent_id")
    missing = [
        payment
        for payment in page
        if not _made_since(run, payment, gateway.retrieve_intent, payment.stripe_payment_intent_id)
    ]
    _note([checks.missing_charge(payment) for payment in missing])
    return str(page[-1].pk) if len(page) == PAGE else ""


def _our_refunds(run: Reconciliation) -> str:
    made = (Refund.Status.PENDING, Refund.Status.SUCCEEDED)
    ours = Refund.objects.filter(status__in=made, settled_outside=False).select_related("payment__invoice")
    page = _not_seen(ours, run, "stripe_refund_id")
    missing = [
        refund for refund in page if not _made_since(run, refund, gateway.retrieve_refund, refund.stripe_refund_id)
    ]
    _note([checks.missing_refund(refund) for refund in missing])
    return str(page[-1].pk) if len(page) == PAGE else ""


def _not_seen(ours: QuerySet[WishT], run: Reconciliation, column: str) -> list[WishT]:
    seen = Seen.objects.filter(reconciliation=run, stripe_id=OuterRef(column))
    return list(ours.filter(~Exists(seen), pk__gt=int(run.after or 0)).order_by("pk")[:PAGE])


def _made_since(
    run: Reconciliation, wish: StripeOperation, ask: Callable[[str], object], stripe_id: str | None
) -> bool:
    """Say whether it came into being while Stripe's lists were read: those don't have it, Stripe does."""
    if wish.first_sent_at is None or wish.first_sent_at < run.started_at - RECENTLY:
        return False
    try:
        ask(stripe_id or "")
    except gateway.InvalidRequest:
        return False
    return True


# Differences


def _see(run: Reconciliation, stripe_ids: Iterable[str | None]) -> None:
    rows = [Seen(reconciliation=run, stripe_id=stripe_id) for stripe_id in stripe_ids if stripe_id]
    Seen.objects.bulk_create(rows, ignore_conflicts=True)


def _note(found: Iterable[Mismatch]) -> None:
    """Keep what was found, once, and have its order say so."""
    now, new = timezone.now(), []
    for each in found:
        known = Difference.objects.filter(kind=each.kind, stripe_id=each.stripe_id, resolved_at=None)
        if not known.update(seen_at=now, sentence=each.sentence):
            new.append(_kept(each, at=now))
    Difference.objects.bulk_create(new, ignore_conflicts=True)
    _have_told(new)


def _kept(found: Mismatch, *, at: datetime) -> Difference:
    return Difference(
        kind=found.kind,
        stripe_id=found.stripe_id,
        payment=found.payment,
        sentence=found.sentence,
        found_at=at,
        seen_at=at,
    )


def _end(run: Reconciliation) -> None:
    """Resolve what was not found again, and forget what was seen."""
    gone = Difference.objects.filter(resolved_at=None, seen_at__lt=run.started_at)
    resolved = list(gone.select_related("payment"))
    gone.update(resolved_at=timezone.now())
    _have_told(resolved)
    Seen.objects.filter(reconciliation=run).delete()
    _keep(run, next_attempt_at=None, finished_at=timezone.now(), error="")


def _have_told(differences: Iterable[Difference]) -> None:
    about = [
        RefreshStatus(payment_id=payment_id)
        for payment_id in sorted({each.payment_id for each in differences if each.payment_id})
    ]
    if about:
        results_received.send(sender=Difference, answers=about, at=timezone.now())
