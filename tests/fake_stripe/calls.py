"""Calls that many tests of the fake Stripe make."""

from typing import Any

import stripe

CARD_ONLY = ["card"]


def pay(client: stripe.StripeClient, card: str = "pm_card_visa", **fields: Any) -> stripe.PaymentIntent:
    """Charge ten dollars at once."""
    params: Any = {
        "amount": 1000,
        "currency": "usd",
        "payment_method": card,
        "confirm": True,
        "allowed_payment_method_types": CARD_ONLY,
        **fields,
    }
    return client.v1.payment_intents.create(params)


def refund(client: stripe.StripeClient, intent: stripe.PaymentIntent, *, key: str = "", **fields: Any) -> stripe.Refund:
    params: Any = {"payment_intent": intent.id, **fields}
    options: Any = {"idempotency_key": key} if key else {}
    return client.v1.refunds.create(params, options)


def metadata_dict(metadata: stripe.StripeObject | None) -> dict[str, str]:
    assert metadata is not None
    found: dict[str, str] = metadata.to_dict()
    return found


def error_object(error: stripe.StripeError) -> stripe.ErrorObject:
    assert error.error is not None
    return error.error
