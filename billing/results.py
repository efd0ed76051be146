"""What Stripe said of a charge or a refund, wherever it was heard: the call, a webhook, the sweep, reconcile."""

from dataclasses import dataclass

from billing.gateway import CardDetails
from billing.models import Payment, Refund


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentResult:
    """What Stripe said of a charge; `status` is succeeded, failed or requires_action."""

    payment_id: int
    status: Payment.Status
    intent_id: str = ""
    client_secret: str = ""
    failure_code: str = ""
    decline_code: str = ""
    message: str = ""
    card: CardDetails | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundResult:
    """What Stripe said of a refund; `refund_id` is None where Stripe knows one that we don't (`payment_id` says whose).

    `status` is pending, succeeded or failed. `refusal` is why ours was refused, where `stripe_id` may be one that
    somebody made by hand at Stripe.
    """

    payment_id: int
    status: Refund.Status
    refund_id: int | None = None
    stripe_id: str = ""
    amount: int = 0
    currency: str = ""
    failure_code: str = ""
    message: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeResult:
    """What became of a dispute; `status` is open, won or lost."""

    payment_id: int
    stripe_id: str
    status: Payment.Dispute
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshStatus:
    """Nothing new of a payment itself, but of what people should know about it."""

    payment_id: int


StripeResult = PaymentResult | RefundResult | DisputeResult | RefreshStatus
