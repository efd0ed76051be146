"""What Stripe's decline codes say about fraud: in words for staff, heavier in the count, and never to the customer.

Source: https://docs.stripe.com/declines/codes ("report as generic_decline to your customer").
"""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

GENERIC = "generic_decline"
FRAUD_SIGNALS: dict[str, str | Promise] = {
    "fraudulent": gettext_lazy("Stripe or the bank takes this payment for fraud"),
    "highest_risk_level": gettext_lazy("Stripe Radar blocked this payment: its risk is the highest"),
    "stolen_card": gettext_lazy("The card was reported as stolen"),
    "lost_card": gettext_lazy("The card was reported as lost"),
    "pickup_card": gettext_lazy("The bank wants the card taken in: it may be lost or stolen"),
    "restricted_card": gettext_lazy("The bank has restricted the card: it may be lost or stolen"),
    "merchant_blacklist": gettext_lazy("The card is on your block list at Stripe"),
    "card_velocity_exceeded": gettext_lazy("The card was tried too often, or its limit is used up"),
    "security_violation": gettext_lazy("The bank declined for a reason of security"),
}
FRAUD_WEIGHT = 3
# Failures that say nothing about the card.
NOT_AUTHENTICATED = "authentication_not_completed"
NOT_DECLINES = {"", NOT_AUTHENTICATED, "processing_error", "idempotency_error", "refused", "canceled"}


def weight(*, failure_code: str, decline_code: str) -> int:
    """How heavily a failed attempt counts: 0 unless a card was declined."""
    if decline_code in FRAUD_SIGNALS:
        return FRAUD_WEIGHT
    return 0 if not decline_code and failure_code in NOT_DECLINES else 1


def fraud_signal(decline_code: str) -> str:
    """Say in words, for staff alone, what a decline code tells about fraud; "" if nothing."""
    return str(FRAUD_SIGNALS.get(decline_code, ""))


def for_customer(code: str, message: str) -> tuple[str, str]:
    """Return code and message of a decline as the customer may know them."""
    return (GENERIC, _("Your card was declined.")) if code in FRAUD_SIGNALS else (code, message)
