"""How a person ends a difference: refund the charge, or mark it as not ours or as known. Nothing is guessed here."""

from datetime import datetime

from django.utils.translation import gettext as _

from billing import gateway
from billing.models import Difference, Payment
from billing.reconciliation import records, settle

Kind, Outcome = Difference.Kind, Difference.Outcome
ONE_TOO_MANY = {Kind.CHARGE_UNKNOWN, Kind.CHARGE_TWICE}
FOREIGN = {Kind.CHARGE_UNKNOWN, Kind.REFUND_UNKNOWN, Kind.DISPUTE_UNKNOWN, Kind.NOT_JUDGED}


class EndRefused(Exception):
    """Why a difference can't be ended so; the message is for users, and nothing has happened."""


def possible_ends(difference: Difference) -> list[Difference.Outcome]:
    """Return how it may be ended now, the likeliest first."""
    if difference.resolved_at:
        return []
    adopt = [Outcome.ADOPTED] if difference.kind == Kind.CHARGE_UNKNOWN else []
    refund = [Outcome.REFUNDED] if difference.kind in ONE_TOO_MANY else []
    foreign = [Outcome.NOT_OURS] if difference.kind in FOREIGN else []
    return [*adopt, *refund, *foreign, Outcome.KNOWN]


def mark(*, difference: Difference, outcome: Difference.Outcome, note: str, by: str, at: datetime) -> None:
    """End a difference as "not ours" or "known"; raise EndRefused."""
    if outcome not in {Outcome.NOT_OURS, Outcome.KNOWN} or outcome not in possible_ends(difference):
        raise EndRefused(_already(difference))
    if not note.strip():
        raise EndRefused(_("Say why: the note is what the next one to look at it reads."))
    if not records.end(Difference.objects.filter(pk=difference.pk), outcome, at=at, by=by, note=note.strip()):
        raise EndRefused(_already(difference))


def refund_charge(*, difference: Difference, note: str, by: str, at: datetime) -> None:
    """Send all of a charge back that is one too many; raise EndRefused, gateway.Unavailable.

    Whatever is left is refunded, so that a second call after a crash, or beside this one, sends nothing twice. Call it
    outside any transaction.
    """
    if Outcome.REFUNDED not in possible_ends(Difference.objects.get(pk=difference.pk)):
        raise EndRefused(_already(difference))
    if Payment.objects.filter(stripe_payment_intent_id=difference.stripe_id).exists():
        raise EndRefused(_("A payment here has this charge by now: refund its order instead."))
    intent = gateway.retrieve_intent(difference.stripe_id)
    if not settle.is_refunded(intent):
        _send_back(intent, difference)
    records.end(Difference.objects.filter(pk=difference.pk), Outcome.REFUNDED, at=at, by=by, note=note.strip())


def _send_back(intent: gateway.PaymentIntent, difference: Difference) -> None:
    refunds = list(gateway.list_refunds(intent.id))
    # Without an amount Stripe refunds what is left. The key changes once a refund has been made, or has failed, and
    # names the charge: after a restore another one may have this difference's id.
    ends = "-".join(str(len([each for each in refunds if each.status == status])) for status in ("failed", "succeeded"))
    params = {"payment_intent": intent.id, "metadata": {"difference": str(difference.pk)}}
    try:
        gateway.create_refund(params=params, key=f"difference-{difference.pk}-{intent.id}-{ends}")
    except gateway.InvalidRequest as error:
        if error.code != "charge_already_refunded":
            raise EndRefused(_("Stripe refuses: %(why)s") % {"why": error.message}) from error


def _already(difference: Difference) -> str:
    difference.refresh_from_db()
    if difference.resolved_at:
        values = {"outcome": difference.get_outcome_display().lower(), "by": difference.ended_by or "Pelcro Orders"}
        return _("This difference has ended already: %(outcome)s, by %(by)s.") % values
    return _("This difference can't be ended so.")
