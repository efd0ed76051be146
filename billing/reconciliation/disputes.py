"""Compare disputes at Stripe with our payments, and settle those that differ."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from billing import gateway, stripe_state
from billing.gateway_types import StripeDispute
from billing.models import Difference, Payment
from billing.reconciliation import checks, records, settle
from billing.reconciliation.checks import Mismatch

Kind = Difference.Kind


@dataclass(slots=True)
class Compared:
    """`ids` are Stripe's ids of the disputes of our payments."""

    ids: list[str] = field(default_factory=list)
    settled: int = 0
    not_ours: int = 0


def compare(page: Sequence[StripeDispute], *, run_id: int) -> Compared:
    """Settle what differs and record what differs still. Raise gateway.Unavailable."""
    compared = Compared()
    payments = _payments_of(page)
    for dispute in page:
        if dispute.intent_id not in payments:
            compared.not_ours += not _is_of_a_difference(dispute)
            continue
        compared.ids.append(dispute.id)
        found = _judge(dispute)
        left = _settled(dispute) if found else None
        compared.settled += found is not None and left is None
        records.record([left] if left else [], run_id=run_id)
    return compared


def agrees_now(dispute_id: str) -> bool:
    """Fetch a dispute, settle it, and tell whether it agrees. Raise gateway.GatewayError."""
    return _settled(gateway.retrieve_dispute(dispute_id)) is None


def _settled(dispute: StripeDispute) -> Mismatch | None:
    settle.attempt(lambda: settle.send(stripe_state.fetch_dispute(dispute.id)))
    return _judge(dispute)


def _is_of_a_difference(dispute: StripeDispute) -> bool:
    # Its charge is ours and not here: that is the difference.
    listed = Difference.objects.filter(stripe_id=dispute.intent_id).exclude(outcome=Difference.Outcome.NOT_OURS)
    return listed.exists()


def _payments_of(page: Iterable[StripeDispute]) -> dict[str, Payment]:
    payments = Payment.objects.select_related("invoice")
    return payments.in_bulk({each.intent_id for each in page}, field_name="stripe_payment_intent_id")


def _judge(dispute: StripeDispute) -> Mismatch | None:
    try:
        return _compare(dispute, _payments_of([dispute])[dispute.intent_id])
    except gateway.Unavailable:
        raise
    except Exception as error:  # noqa: BLE001 - the run goes on, and a person looks at this one
        return checks.not_judged(dispute.id, repr(error))


def _compare(dispute: StripeDispute, payment: Payment) -> Mismatch | None:
    theirs = stripe_state.DISPUTE_STATUSES.get(dispute.status, Payment.Dispute.OPEN)
    if payment.stripe_dispute_id == dispute.id and payment.dispute == theirs:
        return None
    if payment.stripe_dispute_id not in {"", dispute.id} and _is_older(dispute, payment.stripe_dispute_id):
        return None  # a payment shows the last of its disputes
    here = payment.stripe_dispute_id == dispute.id
    sentence = _("Dispute %(id)s of order %(order)s is %(ours)s here; at Stripe it is %(theirs)s.")
    values = {
        "id": dispute.id,
        "order": payment.invoice.reference,
        "ours": payment.get_dispute_display().lower() if here else _("not known"),
        "theirs": dispute.status.replace("_", " "),
    }
    kind = Kind.DISPUTE_DIFFERS if here else Kind.DISPUTE_UNKNOWN
    return Mismatch(kind=kind, stripe_id=dispute.id, sentence=sentence % values, payment=payment)


def _is_older(dispute: StripeDispute, shown_id: str) -> bool:
    try:
        return dispute.created <= gateway.retrieve_dispute(shown_id).created
    except gateway.InvalidRequest:
        return False  # what is shown here does not exist at Stripe


def missing(payment: Payment) -> Mismatch:
    """Describe a dispute that is here and that Stripe does not have."""
    sentence = _("Dispute %(id)s of order %(order)s is here; Stripe has no record of it.")
    values = {"id": payment.stripe_dispute_id, "order": payment.invoice.reference}
    stripe_id = payment.stripe_dispute_id
    return Mismatch(kind=Kind.DISPUTE_MISSING, stripe_id=stripe_id, sentence=sentence % values, payment=payment)
