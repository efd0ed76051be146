"""Compare objects at Stripe with our rows, and say how they differ. Nothing is called, nothing written."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from billing.gateway_types import PaymentIntent, StripeRefund
from billing.models import Difference, Invoice, Payment, Refund
from billing.money import UnsupportedCurrency, format_money

Kind = Difference.Kind
REFUNDED = {"pending", "requires_action", "succeeded"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A difference found in this pass; recorded as a Difference if it stays."""

    kind: Difference.Kind
    stripe_id: str
    sentence: str
    payment: Payment | None = None
    order_number: str = ""
    invoice_number: str = ""
    rule: str = ""


def not_judged(stripe_id: str, why: object) -> Mismatch:
    """Describe a row that can't be compared, ours or Stripe's."""
    sentence = _("%(id)s could not be compared: %(why)s") % {"id": stripe_id, "why": why}
    return Mismatch(kind=Kind.NOT_JUDGED, stripe_id=stripe_id[:255], sentence=sentence)


def charges_of_ours(intents: Iterable[PaymentIntent]) -> set[str]:
    """Return the ids of those that have our metadata, whatever else the account is used for.

    Ours is the id of one of our payments, or the number of an order or invoice that is here.
    """
    intents = list(intents)
    named = {key: {intent.metadata.get(key, "") for intent in intents} - {""} for key in ("order", "invoice")}
    orders = set(Invoice.objects.filter(reference__in=named["order"]).values_list("reference", flat=True))
    invoices = set(Invoice.objects.filter(number__in=named["invoice"]).values_list("number", flat=True))
    return {
        intent.id
        for intent in intents
        if is_uuid(intent.metadata.get("payment"))
        or intent.metadata.get("order") in orders
        or intent.metadata.get("invoice") in invoices
    }


def is_uuid(text: str | None) -> bool:
    """Whether a text of Stripe's metadata has the form of our ids."""
    try:
        UUID(text or "")
    except ValueError:
        return False
    return True


def compare_charge(intent: PaymentIntent, payment: Payment | None) -> Mismatch | None:
    """Compare a PaymentIntent with our payment; None if they agree."""
    # An intent that has not succeeded took no money, so that it may be unknown here.
    if payment is None:
        return _unknown_charge(intent) if intent.status == "succeeded" else None
    if payment.stripe_payment_intent_id not in {None, intent.id}:
        return _charged_twice(intent, payment) if intent.status == "succeeded" else None
    if (intent.amount, intent.currency) == (payment.amount, payment.currency) and _status_agrees(intent, payment):
        return None
    sentence = _("Payment %(id)s of order %(order)s is %(ours)s here; at Stripe it is %(theirs)s.") % {
        "id": intent.id,
        "order": payment.invoice.reference,
        "ours": _describe(payment.amount, payment.currency, payment.status),
        "theirs": _describe(intent.amount, intent.currency, intent.status),
    }
    return Mismatch(kind=Kind.CHARGE_DIFFERS, stripe_id=intent.id, sentence=sentence, payment=payment)


def _status_agrees(intent: PaymentIntent, payment: Payment) -> bool:
    succeeded = intent.status == "succeeded"
    if succeeded and payment.status == Payment.Status.FAILED:
        # It succeeded after it was given up here: right once all of it is refunded.
        return not payment.refundable
    return succeeded == (payment.status == Payment.Status.SUCCEEDED)


def _unknown_charge(intent: PaymentIntent) -> Mismatch:
    sentence = _("Stripe took %(amount)s (%(id)s) that no payment here knows of.")
    values = {"amount": _amount(intent.amount, intent.currency), "id": intent.id}
    order, invoice = (intent.metadata.get(key, "")[:20] for key in ("order", "invoice"))
    if order:
        sentence = _("Stripe took %(amount)s (%(id)s) for order %(order)s that no payment here knows of.")
        values["order"] = order
    return Mismatch(
        kind=Kind.CHARGE_UNKNOWN,
        stripe_id=intent.id,
        sentence=sentence % values,
        order_number=order,
        invoice_number=invoice,
    )


def _charged_twice(intent: PaymentIntent, payment: Payment) -> Mismatch:
    sentence = _("Stripe took %(amount)s (%(id)s) for order %(order)s once more: its payment is %(payment)s.") % {
        "amount": _amount(intent.amount, intent.currency),
        "id": intent.id,
        "order": payment.invoice.reference,
        "payment": payment,
    }
    return Mismatch(kind=Kind.CHARGE_TWICE, stripe_id=intent.id, sentence=sentence, payment=payment)


def compare_refund(stripe_refund: StripeRefund, refund: Refund | None, payment: Payment | None) -> Mismatch | None:
    """Compare a refund at Stripe with ours; `payment` is the one refunded, if it is ours. None if they agree."""
    refunded_there = stripe_refund.status in REFUNDED
    if refund is None and payment is None and stripe_refund.intent_id:
        return None  # its charge is not here: a difference itself, or not ours
    if refund is None:
        return _unknown_refund(stripe_refund, payment) if refunded_there else None
    refunded_here = refund.status in {Refund.Status.PENDING, Refund.Status.SUCCEEDED}
    same_amount = (stripe_refund.amount, stripe_refund.currency) == (refund.amount, refund.currency)
    if same_amount and refunded_here == refunded_there:
        return None
    sentence = _("Refund %(id)s of order %(order)s is %(ours)s here; at Stripe it is %(theirs)s.") % {
        "id": stripe_refund.id,
        "order": refund.payment.invoice.reference,
        "ours": _describe(refund.amount, refund.currency, refund.status),
        "theirs": _describe(stripe_refund.amount, stripe_refund.currency, stripe_refund.status),
    }
    return Mismatch(kind=Kind.REFUND_DIFFERS, stripe_id=stripe_refund.id, sentence=sentence, payment=refund.payment)


def _unknown_refund(stripe_refund: StripeRefund, payment: Payment | None) -> Mismatch:
    amount = _amount(stripe_refund.amount, stripe_refund.currency)
    values = {"amount": amount, "id": stripe_refund.id, "payment": stripe_refund.intent_id}
    sentence = _("Stripe sent back %(amount)s of %(payment)s (%(id)s) that no refund here knows of.")
    return Mismatch(kind=Kind.REFUND_UNKNOWN, stripe_id=stripe_refund.id, sentence=sentence % values, payment=payment)


def missing_charge(payment: Payment) -> Mismatch:
    """Describe a payment that succeeded here and that Stripe does not have."""
    stripe_id = str(payment)
    sentence = _("Payment %(id)s of order %(order)s (%(amount)s) succeeded here; Stripe has no record of it.") % {
        "id": stripe_id,
        "order": payment.invoice.reference,
        "amount": _amount(payment.amount, payment.currency),
    }
    return Mismatch(kind=Kind.CHARGE_MISSING, stripe_id=stripe_id, sentence=sentence, payment=payment)


def missing_refund(refund: Refund) -> Mismatch:
    """Describe a refund that was accepted here and that Stripe does not have."""
    stripe_id = str(refund)
    sentence = _("Refund %(id)s of order %(order)s (%(amount)s) was made here; Stripe has no record of it.") % {
        "id": stripe_id,
        "order": refund.payment.invoice.reference,
        "amount": _amount(refund.amount, refund.currency),
    }
    return Mismatch(kind=Kind.REFUND_MISSING, stripe_id=stripe_id, sentence=sentence, payment=refund.payment)


def _describe(amount: int, currency: str, status: str) -> str:
    return _("%(amount)s, %(status)s") % {"amount": _amount(amount, currency), "status": status.replace("_", " ")}


def _amount(amount: int, currency: str) -> str:
    try:
        return format_money(amount, currency)
    except UnsupportedCurrency:
        return f"{amount} {currency.upper()} in its smallest unit"  # not one of ours
