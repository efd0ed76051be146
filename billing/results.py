"""Results: what became of a charge, a refund or a dispute at Stripe, to be applied to our rows.

The same types whoever fetched them: the call itself, a webhook, the sweep, a reconciliation.
"""

from dataclasses import dataclass
from typing import Self

from django.utils.translation import gettext as _

from billing import gateway
from billing.declines import NOT_AUTHENTICATED
from billing.models import Payment, Refund

REFUND_STATUSES = {"pending", "requires_action", "succeeded", "failed", "canceled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentResult:
    """The result of a charge; `status` is succeeded, failed or requires_action.

    It is processing where Stripe knows nothing of a charge that is too old to be posted again; `message` says so.
    """

    payment_id: int
    status: Payment.Status
    intent_id: str = ""
    charge_id: str = ""
    client_secret: str = ""
    failure_code: str = ""
    decline_code: str = ""
    message: str = ""
    review_id: str = ""  # of the review that Stripe Radar has opened
    card: gateway.CardDetails | None = None

    @classmethod
    def from_intent(cls, payment: Payment, intent: gateway.PaymentIntent) -> Self:
        """Raise gateway.Unavailable while the PaymentIntent's status tells no result."""
        match intent.status:
            case "succeeded":
                return cls(
                    payment_id=payment.pk,
                    status=Payment.Status.SUCCEEDED,
                    intent_id=intent.id,
                    charge_id=intent.charge_id,
                    review_id=intent.review_id,
                    card=intent.card,
                )
            case "requires_action":
                return cls(
                    payment_id=payment.pk,
                    status=Payment.Status.REQUIRES_ACTION,
                    intent_id=intent.id,
                    charge_id=intent.charge_id,
                    client_secret=intent.client_secret,
                    card=intent.card,
                )
            case "requires_payment_method" | "canceled":
                return cls(
                    payment_id=payment.pk,
                    status=Payment.Status.FAILED,
                    intent_id=intent.id,
                    charge_id=intent.charge_id,
                    failure_code=intent.failure_code or NOT_AUTHENTICATED,
                    decline_code=intent.decline_code,
                    message=intent.failure_message or _("The customer did not complete the authentication."),
                    card=intent.card,
                )
            case "processing":
                raise gateway.Unavailable(f"{intent.id} is {intent.status}.", undecided=True)
            case _:
                raise gateway.Unexpected(f"{intent.id} is {intent.status}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundResult:
    """The result of a refund; `status` is pending, succeeded or failed.

    It is requested where Stripe knows nothing of a refund that is too old to be posted again; `message` says so.
    `refund_id` is None for a refund that has no row here, because it was created at Stripe. `refusal` is why Stripe
    refused ours, where `stripe_id` is another refund of the same money, perhaps one created at Stripe. `others` are the
    refunds of the payment that were created in Stripe's dashboard, where Stripe refused ours.
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
    others: tuple[gateway.StripeRefund, ...] = ()

    @classmethod
    def from_stripe(cls, stripe_refund: gateway.StripeRefund, *, refund: Refund | None, payment_id: int) -> Self:
        """Read a refund's current state at Stripe; `refund` is our row of it, if there is one.

        Raise gateway.Unexpected on a status that tells nothing here.
        """
        if stripe_refund.status not in REFUND_STATUSES:
            raise gateway.Unexpected(f"{stripe_refund.id} is {stripe_refund.status}.")
        failed = stripe_refund.status in {"failed", "canceled"}
        accepted = Refund.Status.SUCCEEDED if stripe_refund.status == "succeeded" else Refund.Status.PENDING
        reason = stripe_refund.failure_reason.replace("_", " ")
        return cls(
            payment_id=payment_id,
            refund_id=refund.pk if refund else None,
            status=Refund.Status.FAILED if failed else accepted,
            stripe_id=stripe_refund.id,
            amount=stripe_refund.amount,
            currency=stripe_refund.currency,
            failure_code=stripe_refund.failure_reason if failed else "",
            message=_("The bank could not take the refund: %(why)s.") % {"why": reason} if failed else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeResult:
    """The state of a dispute; `status` is open, won or lost."""

    payment_id: int
    stripe_id: str
    status: Payment.Dispute
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewResult:
    """The state of a review of Stripe Radar; `reason` is why it was opened, or how it ended."""

    payment_id: int
    stripe_id: str
    is_open: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshStatus:
    """Nothing new at Stripe, but what the order shows of this payment must be refreshed."""

    payment_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownCharge:
    """A charge of ours that succeeded and has no row here: an order may adopt it.

    `customer_email` and `customer_reference` are those of the customer at Stripe. Amounts are in the minor unit.
    """

    intent: gateway.PaymentIntent
    customer_email: str = ""
    customer_reference: str = ""

    @property
    def order_number(self) -> str:
        """The number of the order that the charge's metadata names."""
        return self.intent.metadata.get("order", "")

    @property
    def invoice_number(self) -> str:
        """The number of the invoice that the charge's metadata names."""
        return self.intent.metadata.get("invoice", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersSeen:
    """The highest order number at Stripe: none up to it may be issued again."""

    order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckBooks:
    """Time to hold our own rows against each other, as a part of a reconciliation."""

    run_id: int


StripeResult = PaymentResult | RefundResult | DisputeResult | ReviewResult | RefreshStatus
# Not of a payment that is here; each has its own function in ecommerce.
Notice = UnknownCharge | NumbersSeen | CheckBooks
