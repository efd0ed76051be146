"""What is said of a charge or a refund that is not the same here and at Stripe. Nothing is asked, nothing written."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from billing.gateway_types import PaymentIntent, StripeRefund
from billing.models import Difference, Payment, Refund
from billing.money import UnsupportedCurrency, format_money

Kind = Difference.Kind
SENT_BACK = {"pending", "requires_action", "succeeded"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A difference as it was found."""

    kind: Difference.Kind
    stripe_id: str
    sentence: str
    payment: Payment | None = None


def charge(intent: PaymentIntent, payment: Payment | None) -> Mismatch | None:
    """Compare a PaymentIntent with our payment; None if they agree."""
    if payment is None:
        return _unknown_charge(intent) if intent.status == "succeeded" else None
    if payment.stripe_payment_intent_id not in {None, intent.id}:
        return _charged_twice(intent, payment) if intent.status == "succeeded" else None
    if (intent.amount, intent.currency) == (payment.amount, payment.currency) and _same_end(intent, payment):
        return None
    sentence = _("Payment %(id)s of order %(order)s is %(ours)s here; at Stripe it is %(theirs)s.") % {
        "id": intent.id,
        "order": payment.invoice.reference,
        "ours": _in_words(payment.amount, payment.currency, payment.status),
        "theirs": _in_words(intent.amount, intent.currency, intent.status),
    }
    return Mismatch(kind=Kind.CHARGE_DIFFERS, stripe_id=intent.id, sentence=sentence, payment=payment)


def _same_end(intent: PaymentIntent, payment: Payment) -> bool:
    match payment.status, intent.status == "succeeded":
        case Payment.Status.SUCCEEDED, taken:
            return taken
        case Payment.Status.FAILED, True:
            # Given up here, taken there: right once all of it goes back.
            return not payment.refundable
        case _, taken:
            return not taken


def _unknown_charge(intent: PaymentIntent) -> Mismatch:
    sentence = _("Stripe took %(amount)s (%(id)s) that no payment here knows of.")
    what = {"amount": _amount(intent.amount, intent.currency), "id": intent.id}
    return Mismatch(kind=Kind.CHARGE_UNKNOWN, stripe_id=intent.id, sentence=sentence % what)


def _charged_twice(intent: PaymentIntent, payment: Payment) -> Mismatch:
    sentence = _("Stripe took %(amount)s (%(id)s) for order %(order)s once more: its payment is %(payment)s.") % {
        "amount": _amount(intent.amount, intent.currency),
        "id": intent.id,
        "order": payment.invoice.reference,
        "payment": payment,
    }
    return Mismatch(kind=Kind.CHARGE_TWICE, stripe_id=intent.id, sentence=sentence, payment=payment)


def sent_back(found: StripeRefund, refund: Refund | None, payment: Payment | None) -> Mismatch | None:
    """Compare a refund at Stripe with ours; `payment` is whose money it is, if that is known. None if they agree."""
    if refund is None:
        return _unknown_refund(found, payment) if found.status in SENT_BACK else None
    said_yes = refund.status in {Refund.Status.PENDING, Refund.Status.SUCCEEDED}
    if (found.amount, found.currency) == (refund.amount, refund.currency) and said_yes == (found.status in SENT_BACK):
        return None
    sentence = _("Refund %(id)s of order %(order)s is %(ours)s here; at Stripe it is %(theirs)s.") % {
        "id": found.id,
        "order": refund.payment.invoice.reference,
        "ours": _in_words(refund.amount, refund.currency, refund.status),
        "theirs": _in_words(found.amount, found.currency, found.status),
    }
    return Mismatch(kind=Kind.REFUND_DIFFERS, stripe_id=found.id, sentence=sentence, payment=refund.payment)


def _unknown_refund(found: StripeRefund, payment: Payment | None) -> Mismatch:
    what = {"amount": _amount(found.amount, found.currency), "id": found.id, "payment": found.intent_id}
    sentence = _("Stripe sent back %(amount)s of %(payment)s (%(id)s) that no refund here knows of.")
    return Mismatch(kind=Kind.REFUND_UNKNOWN, stripe_id=found.id, sentence=sentence % what, payment=payment)


def missing_charge(payment: Payment) -> Mismatch:
    """Say of a payment that Stripe has no charge of it."""
    stripe_id = payment.stripe_payment_intent_id or ""
    sentence = _("Payment %(id)s of order %(order)s (%(amount)s) succeeded here; Stripe has no record of it.") % {
        "id": stripe_id,
        "order": payment.invoice.reference,
        "amount": _amount(payment.amount, payment.currency),
    }
    return Mismatch(kind=Kind.CHARGE_MISSING, stripe_id=stripe_id, sentence=sentence, payment=payment)


def missing_refund(refund: Refund) -> Mismatch:
    """Say of a refund that Stripe has none of it."""
    stripe_id = refund.stripe_refund_id or ""
    sentence = _("Refund %(id)s of order %(order)s (%(amount)s) was made here; Stripe has no record of it.") % {
        "id": stripe_id,
        "order": refund.payment.invoice.reference,
        "amount": _amount(refund.amount, refund.currency),
    }
    return Mismatch(kind=Kind.REFUND_MISSING, stripe_id=stripe_id, sentence=sentence, payment=refund.payment)


def _in_words(amount: int, currency: str, status: str) -> str:
    return _("%(amount)s, %(status)s") % {"amount": _amount(amount, currency), "status": status.replace("_", " ")}


def _amount(amount: int, currency: str) -> str:
    try:
        return format_money(amount, currency)
    except UnsupportedCurrency:
        return f"{amount} {currency.upper()} in its smallest unit"  # somebody else's, in a currency not sold in here
