"""The types of the gateway: Stripe's objects, and the errors that a call can raise."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from backoffice.stripe_secrets import without_secrets

RowT = TypeVar("RowT")


class GatewayError(Exception):
    """Any failure of a call. `code` and `message` are Stripe's; the message is fit for users."""

    def __init__(self, message: str, *, code: str = "") -> None:
        # Stored with the row, logged and shown: Stripe repeats in it what was sent.
        self.message = without_secrets(message)
        super().__init__(self.message)
        self.code = code


class CardDeclined(GatewayError):
    """The bank declined; `intent` is the PaymentIntent of the attempt."""

    def __init__(self, message: str, *, code: str, decline_code: str, intent: "PaymentIntent | None") -> None:
        super().__init__(message, code=code)
        self.decline_code = decline_code
        self.intent = intent


class InvalidRequest(GatewayError):
    """Stripe refused: nothing happened, and sending the same again won't help. `param` is what it did not like."""

    def __init__(self, message: str, *, code: str = "", param: str = "") -> None:
        super().__init__(message, code=code)
        self.param = param


class Unavailable(GatewayError):
    """No response, or none that tells whether the request was executed.

    `stored` if it was Stripe's own 5xx, which Stripe replays for as long as it keeps the idempotency key. `undecided`
    if Stripe did answer, and waits for the bank itself.
    """

    def __init__(self, message: str, *, code: str = "", stored: bool = False, undecided: bool = False) -> None:
        super().__init__(message, code=code)
        self.stored = stored
        self.undecided = undecided


class Unexpected(Unavailable):
    """An answer of a kind that nobody expects of this call: it does not tell whether anything happened."""


class Busy(Unavailable):
    """Not executed by this call: too many requests, or the same key is in flight. Retry with the same key."""


class NotSent(Busy):
    """Certainly not executed: Stripe refused to look at it (429), or it never left this process."""


class Misconfigured(Unavailable):
    """Our API key or its permissions are wrong: nothing works until staff fix the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDetails:
    """A card's payment method; `attached` if a customer has it saved, so that it can be charged again."""

    id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    fingerprint: str = ""
    attached: bool = False

    @property
    def columns(self) -> dict[str, str | int]:
        """The columns of a Card row that only repeat what Stripe says."""
        return {name: getattr(self, name) for name in ("brand", "last4", "exp_month", "exp_year")}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentIntent:
    """A PaymentIntent. `amount` is in the currency's minor unit."""

    id: str
    status: str
    amount: int
    currency: str
    client_secret: str
    created: int
    customer_id: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    failure_code: str = ""
    decline_code: str = ""
    failure_message: str = ""
    charge_id: str = ""
    review_id: str = ""
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
    created: int
    intent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeReview:
    """A review of Stripe Radar. `reason` is that of its opening while it is open, then that of its end."""

    id: str
    is_open: bool
    reason: str
    intent_id: str
    charge_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[RowT]):
    """One page of a list. `unreadable` are pairs of the id, or "", of a row that is not as expected, and why.

    `after` is what the next page is asked with; "" at the end.
    """

    rows: list[RowT]
    unreadable: list[tuple[str, str]]
    after: str
