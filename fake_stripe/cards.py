"""Stripe's test cards and their behaviour (https://docs.stripe.com/testing)."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Decline:
    code: str
    decline_code: str
    message: str = "Your card was declined."
    param: str | None = None


@dataclass(frozen=True)
class TestCard:
    """One card of Stripe's list.

    `authentication`: never; always; offered (if the merchant requests it); unless_saved (until the card is set up for
    off-session use); on_session (whenever the customer is present). `refunds`: succeeded, pending or failed.
    """

    __test__ = False

    number: str
    names: tuple[str, ...] = ()
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None
    can_be_saved: bool = True
    authentication: str = "never"
    refunds: str = "succeeded"
    dispute: str | None = None
    risk: str = "normal"
    review: bool = False
    cvc_check: str = "pass"


GENERIC = Decline("card_declined", "generic_decline")
INSUFFICIENT = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST = Decline("card_declined", "lost_card")
STOLEN = Decline("card_declined", "stolen_card")
FRAUDULENT = Decline("card_declined", "fraudulent")
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.", "exp_month")
WRONG_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "cvc")
PROCESSING = Decline(
    "processing_error", "processing_error", "An error occurred while processing your card. Try again in a little bit."
)
VELOCITY = Decline(
    "card_declined",
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
)
UNAUTHENTICATED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
NOT_HANDLED = Decline(
    "card_declined",
    "authentication_not_handled",
    "This payment required an authentication action to complete, but `error_on_requires_action` was set. When you're "
    "ready, you can upgrade your integration to handle actions at https://stripe.com/docs/payments/payment-intents/"
    "upgrade-to-handle-actions.",
)
LIVE_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test (live) card. "
    "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
)


def _card(number: str, *names: str, **traits: Any) -> TestCard:
    return TestCard(number, names, **traits)


def _declining(number: str, decline: Decline, *names: str, can_be_saved: bool = False) -> TestCard:
    return TestCard(number, names, decline=decline, can_be_saved=can_be_saved)


CARDS = (
    _card("4242424242424242", "visa", "us"),
    _card("4000056655665556", "visa_debit", funding="debit"),
    _card("5555555555554444", "mastercard", brand="mastercard"),
    _card("2223003122003222", brand="mastercard"),
    _card("5200828282828210", "mastercard_debit", brand="mastercard", funding="debit"),
    _card("5105105105105100", "mastercard_prepaid", brand="mastercard", funding="prepaid"),
    _card("378282246310005", "amex", brand="amex"),
    _card("371449635398431", brand="amex"),
    _card("6011111111111117", "discover", brand="discover"),
    _card("6011000990139424", brand="discover"),
    _card("6011981111111113", "discover_debit", brand="discover", funding="debit"),
    _card("3056930009020004", "diners", brand="diners"),
    _card("36227206271667", brand="diners"),
    _card("3566002020360505", "jcb", brand="jcb"),
    _card("6200000000000005", "unionpay", brand="unionpay"),
    _card("4000001240000000", "ca", country="CA"),
    _card("4000004840008001", "mx", country="MX"),
    _card("4000000760000002", "br", country="BR"),
    _card("4000000400000008", "at", country="AT"),
    _card("4000000560000004", "be", country="BE"),
    _card("4000002080000001", "dk", country="DK"),
    _card("4000002500000003", "fr", country="FR"),
    _card("4000002760000016", "de", country="DE"),
    _card("4000003720000005", "ie", country="IE"),
    _card("4000003800000008", "it", country="IT"),
    _card("4000005280000002", "nl", country="NL"),
    _card("4000005780000007", "no", country="NO"),
    _card("4000006160000005", "pl", country="PL"),
    _card("4000007240000007", "es", country="ES"),
    _card("4000007520000008", "se", country="SE"),
    _card("4000007560000009", "ch", country="CH"),
    _card("4000008260000000", "gb", country="GB"),
    _card("4000000360000006", "au", country="AU"),
    _card("4000003440000004", "hk", country="HK"),
    _card("4000003920000003", "jp", country="JP"),
    _card("4000005540000008", "nz", country="NZ"),
    _card("4000007020000003", "sg", country="SG"),
    _declining("4000000000000002", GENERIC, "chargeDeclined"),
    _declining("4000000000009995", INSUFFICIENT, "chargeDeclinedInsufficientFunds"),
    _declining("4000000000009987", LOST, "chargeDeclinedLostCard"),
    _declining("4000000000009979", STOLEN, "chargeDeclinedStolenCard"),
    _declining("4000000000000069", EXPIRED, "chargeDeclinedExpiredCard"),
    _declining("4000000000000127", WRONG_CVC, "chargeDeclinedIncorrectCvc"),
    _declining("4000000000000119", PROCESSING, "chargeDeclinedProcessingError"),
    _declining("4000000000006975", VELOCITY, "chargeDeclinedVelocityLimitExceeded"),
    _declining("4100000000000019", FRAUDULENT, "chargeDeclinedFraudulent", "radarBlock"),
    _declining("4000000000000341", GENERIC, "chargeCustomerFail", can_be_saved=True),
    _card("4000000000000101", "cvcCheckFail", cvc_check="fail"),
    _card("4000000000009235", "riskLevelElevated", risk="elevated", review=True),
    _card("4000000000004954", "riskLevelHighest", risk="highest"),
    _card("4000000000000259", "createDispute", "disputed", dispute="fraudulent"),
    _card("4000000000002685", "createDisputeProductNotReceived", dispute="product_not_received"),
    _card("4000000000000077", "bypassPending"),
    _card("4000000000007726", "pendingRefund", refunds="pending"),
    _card("4000000000005126", "refundFail", refunds="failed"),
    _card("4000002500003155", "authenticationRequiredOnSetup", authentication="unless_saved"),
    _card("4000002760003184", "authenticationRequired", authentication="always"),
    _card("4000003800000446", "authenticationRequiredSetupForOffSession", authentication="on_session"),
    _card(
        "4000008260003178",
        "authenticationRequiredChargeDeclinedInsufficientFunds",
        authentication="always",
        decline=INSUFFICIENT,
    ),
    _card("4000000000003220", "threeDSecure2Required", authentication="always"),
    _card("4000008400001629", "threeDSecureRequiredChargeDeclined", authentication="always", decline=GENERIC),
    _card("4000000000003063", "threeDSecureRequired", authentication="always"),
    _card("4000000000003055", "threeDSecureOptional", authentication="offered"),
)

BY_NUMBER = {card.number: card for card in CARDS}
BY_NAME = {name: card for card in CARDS for name in card.names}
# Stripe writes the declining cards both ways: pm_card_chargeDeclined… and pm_card_visa_chargeDeclined….
BY_NAME |= {f"visa_{name}": card for name, card in BY_NAME.items() if name.startswith("chargeDeclined")}


def card_by_name(identifier: str, prefix: str) -> TestCard | None:
    """The card of `pm_card_visa` (prefix `pm_card_`) or `tok_visa` (prefix `tok_`)."""
    return BY_NAME.get(identifier.removeprefix(prefix)) if identifier.startswith(prefix) else None


def passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
