"""Settle what differs at Stripe: fetch it, send the result to be applied, or offer an unknown charge for adoption."""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from django.db.models import Q

from backoffice import database_clock
from billing import gateway, stripe_state
from billing.models import Difference, Payment, Reconciliation, Refund
from billing.reconciliation import checks, records
from billing.reconciliation.checks import Mismatch
from billing.results import Notice, StripeResult
from billing.signals import results_received

logger = logging.getLogger(__name__)
Kind = Difference.Kind


def judge_charge(intent: gateway.PaymentIntent, payment: Payment | None) -> Mismatch | None:
    """The mismatch of a charge, if any; one that can't be compared is a mismatch of its own kind."""
    try:
        return checks.compare_charge(intent, payment)
    except Exception as error:  # noqa: BLE001 - the run goes on, and a person looks at this one
        return checks.not_judged(intent.id, repr(error))


def judge_refund(
    stripe_refund: gateway.StripeRefund, refund: Refund | None, payment: Payment | None
) -> Mismatch | None:
    """The mismatch of a refund, if any; one that can't be compared is a mismatch of its own kind."""
    try:
        return checks.compare_refund(stripe_refund, refund, payment)
    except Exception as error:  # noqa: BLE001 - as above
        return checks.not_judged(stripe_refund.id, repr(error))


def settle_charge(intent: gateway.PaymentIntent, found: Mismatch) -> None:
    """Apply what Stripe says of a charge that differs; have an order adopt one that is not here."""
    match found.kind:
        case Kind.CHARGE_UNKNOWN if not is_refunded(intent):
            attempt(lambda: send([stripe_state.unknown_charge(intent.id)]))
        case Kind.CHARGE_DIFFERS:
            attempt(lambda: send(stripe_state.fetch_intent(intent.id)))


def went_back(intent: gateway.PaymentIntent, found: Mismatch | None) -> bool:
    """Tell whether a charge that is one too many was refunded at Stripe: that ends its difference."""
    if found is None or found.kind not in {Kind.CHARGE_UNKNOWN, Kind.CHARGE_TWICE} or not is_refunded(intent):
        return False
    open_one = Difference.objects.filter(stripe_id=intent.id)
    records.end(open_one, Difference.Outcome.REFUNDED, at=database_clock.now(), by="Stripe")
    return True


def is_refunded(intent: gateway.PaymentIntent) -> bool:
    """Whether Stripe has sent all of a charge back. Raise gateway.GatewayError."""
    refunds = gateway.list_refunds(intent.id)
    return sum(each.amount for each in refunds if each.status in checks.REFUNDED) >= intent.amount


def settle_refund(stripe_refund: gateway.StripeRefund) -> None:
    """Apply a refund's state at Stripe if it is ours. Raise gateway.GatewayError."""
    # A refund of a charge that is not ours needs no call to Stripe for that charge.
    paid_here = Payment.objects.filter(stripe_payment_intent_id=stripe_refund.intent_id).exists()
    if paid_here or stripe_state.parse_uuid(stripe_refund.metadata.get("refund")):
        attempt(lambda: send(stripe_state.refund_results([stripe_refund])))


def find_lost_charges(*, order_number: str, customer_id: str) -> None:
    """Record what a customer was charged for an order and that is not here, once an order may have adopted it.

    Raise gateway.GatewayError.
    """
    after, more = "", True
    while more:
        page = gateway.intents_page(customer_id=customer_id, after=after)
        named = [each for each in page.rows if each.metadata.get("order") == order_number]
        payments = payments_of(named)
        for intent in named:
            judge_again(intent, payments, run_id=0)
        after, more = page.after, bool(page.after)


def judge_again(intent: gateway.PaymentIntent, payments: dict[str, Payment], *, run_id: int) -> bool:
    """Settle one charge and record what differs still; tell whether it agrees now. Raise gateway.Unavailable."""
    try:
        left = _settled(intent, payments)
    except gateway.Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - the run goes on, and a person looks at this one
        left = checks.not_judged(intent.id, repr(error))
    records.record([left] if left else [], run_id=run_id)
    return left is None


def _settled(intent: gateway.PaymentIntent, payments: dict[str, Payment]) -> Mismatch | None:
    found = judge_charge(intent, payments.get(intent.id))
    if found is None:
        return None
    settle_charge(intent, found)
    left = judge_charge(intent, payments_of([intent]).get(intent.id))
    return None if went_back(intent, left) else left


def payments_of(page: Iterable[gateway.PaymentIntent]) -> dict[str, Payment]:
    """Map intents' ids to our payments: the one with that id, else the one that the metadata names."""
    named = {intent.id: stripe_state.parse_uuid(intent.metadata.get("payment")) for intent in page}
    ours = Q(stripe_payment_intent_id__in=named) | Q(uuid__in=[uuid for uuid in named.values() if uuid])
    return rows_of(named, Payment.objects.filter(ours).select_related("invoice"), "stripe_payment_intent_id")


def note_reviews(page: Iterable[gateway.PaymentIntent], payments: dict[str, Payment]) -> None:
    """Fetch the reviews of Stripe Radar whose events were lost."""
    for intent in page:
        payment = payments.get(intent.id)
        if payment and intent.review_id not in {"", payment.stripe_review_id}:
            attempt(partial(_send_review, intent.review_id))


def _send_review(review_id: str) -> None:
    send(stripe_state.fetch_review(review_id))


def note_charge_ids(page: Iterable[gateway.PaymentIntent], payments: dict[str, Payment]) -> None:
    """Note the charges of payments that were made before their ids were kept, so that a search finds them."""
    for intent in page:
        payment = payments.get(intent.id)
        if payment and payment.stripe_payment_intent_id == intent.id and intent.charge_id:
            Payment.objects.filter(pk=payment.pk, stripe_charge_id="").update(stripe_charge_id=intent.charge_id)


def refunds_of(page: Iterable[gateway.StripeRefund]) -> dict[str, Refund]:
    """Our refunds by the ids of Stripe's, found by id or by our UUID in the metadata."""
    named = {each.id: stripe_state.parse_uuid(each.metadata.get("refund")) for each in page}
    ours = Q(stripe_refund_id__in=named) | Q(uuid__in=[uuid for uuid in named.values() if uuid])
    return rows_of(named, Refund.objects.filter(ours).select_related("payment__invoice"), "stripe_refund_id")


def rows_of(named: dict[str, Any], found: Iterable[Any], column: str) -> dict[str, Any]:
    """Pair Stripe's ids with our rows, by their id or else by our UUID."""
    rows = list(found)
    by_id = {getattr(row, column): row for row in rows}
    by_uuid = {row.uuid: row for row in rows}
    pairs = {stripe_id: by_id.get(stripe_id) or by_uuid.get(uuid) for stripe_id, uuid in named.items()}
    return {stripe_id: row for stripe_id, row in pairs.items() if row}


def send(results: Iterable[StripeResult | Notice]) -> None:
    """Send results through the one registered hook, each alone."""
    for result in results:
        results_received.send(sender=Reconciliation, results=[result], at=database_clock.now())


def attempt(act: Callable[[], None]) -> None:
    """Do what may be refused: whatever could not be settled is found to differ still. Raise gateway.Unavailable."""
    try:
        act()
    except gateway.Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - see above
        logger.warning("Reconciling could not settle a difference: %r", error)
