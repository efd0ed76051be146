"""What a call to Stripe can end in: typed results, and the errors of anything other than yes."""

from dataclasses import dataclass, field


class GatewayError(Exception):
    """Something other than yes. `code` is Stripe's, `message` Stripe's words for people."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class CardDeclined(GatewayError):
    """The bank said no; `intent` is what Stripe keeps of the attempt."""

    def __init__(self, message: str, *, code: str, decline_code: str, intent: "PaymentIntent | None") -> None:
        super().__init__(message, code=code)
        self.decline_code = decline_code
        self.intent = intent


class InvalidRequest(GatewayError):
    """A definite no of Stripe's: nothing happened, and asking again won't help."""


class Unavailable(GatewayError):
    """No answer, or none that tells whether it happened.

    `stored` says that Stripe's own 5xx arrived, which it replays for as long as it keeps the key.
    """

    def __init__(self, message: str, *, code: str = "", stored: bool = False) -> None:
        super().__init__(message, code=code)
        self.stored = stored


class Busy(Unavailable):
    """Not done by this call: too many requests, or the same key is in flight. Later, with the same key."""


class Misconfigured(Unavailable):
    """Our key or its rights are wrong: nothing can be done until a person mends the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDetails:
    """What may be shown of a card."""

    id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str = ""
    attached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentIntent:
    """A PaymentIntent. `amount` and `refunded` are in the currency's minor unit."""

    id: str
    status: str
    amount: int
    currency: str
    client_secret: str
    created: int
    metadata: dict[str, str] = field(default_factory=dict)
    failure_code: str = ""
    decline_code: str = ""
    failure_message: str = ""
    card: CardDetails | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeRefund:
    """A refund at Stripe; `status` is pending, requires_action, succeeded, failed or canceled."""

    id: str
    status: str
    amount: int
    currency: str
    intent_id: str
    created: int
    metadata: dict[str, str] = field(default_factory=dict)
    failure_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeDispute:
    """A dispute at Stripe; `status` is needs_response, under_review, won, lost, prevented, or one of warning_…."""

    id: str
    status: str
    reason: str
    amount: int
    currency: str
    intent_id: str
