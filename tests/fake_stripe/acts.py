"""What the tests of the sandbox ask of it, again and again."""

from typing import Any

import stripe

CARD_ONLY = ["card"]


def pay(client: stripe.StripeClient, card: str = "pm_card_visa", **given: Any) -> stripe.PaymentIntent:
    """Charge ten dollars at once, unless told otherwise."""
    asked: Any = {
        "amount": 1000,
        "currency": "usd",
        "payment_method": card,
        "confirm": True,
        "allowed_payment_method_types": CARD_ONLY,
        **given,
    }
    return client.v1.payment_intents.create(asked)


def refund(client: stripe.StripeClient, intent: stripe.PaymentIntent, *, key: str = "", **given: Any) -> stripe.Refund:
    """Give an intent's money back."""
    asked: Any = {"payment_intent": intent.id, **given}
    options: Any = {"idempotency_key": key} if key else {}
    return client.v1.refunds.create(asked, options)


def pairs(metadata: stripe.StripeObject | None) -> dict[str, str]:
    """Give metadata as a dict, which Stripe's objects are not."""
    assert metadata is not None
    given: dict[str, str] = metadata.to_dict()
    return given


def told(error: stripe.StripeError) -> stripe.ErrorObject:
    """Give what an error's body says."""
    assert error.error is not None
    return error.error
