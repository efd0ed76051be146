"""Save, remove and choose a customer's cards. Each calls Stripe first, outside any transaction.

Where Stripe fails they raise gateway.CardDeclined, gateway.InvalidRequest or gateway.Unavailable, and change nothing.
"""

from contextlib import suppress
from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.db.models import Q

from billing import gateway
from billing.models import Card
from billing.settlement import stripe_customer
from customers.models import Customer


def save(*, customer: Customer, token: str, by_customer: bool = False, default: bool = False) -> Card:
    """Save a card for later: `token` is a payment method (pm_…) or a card token (tok_…) of Stripe's."""
    customer_id = stripe_customer(customer, key=f"customer-{uuid4()}")
    details = gateway.attach_card(token=token, customer_id=customer_id)
    with transaction.atomic():
        card, _created = Card.objects.update_or_create(
            stripe_payment_method_id=details.id,
            defaults={
                **details.columns,
                "customer": customer,
                "fingerprint": details.fingerprint,
                "by_customer": by_customer,
                "removed_at": None,
            },
        )
        if default:
            _make_default(card)
    return card


def remove(*, card: Card, at: datetime) -> None:
    """Detach a saved card at Stripe, then mark it as removed."""
    # Entered again later, the card has more payment methods, which were never offered. The one that is offered comes
    # last, so that after a crash it is still there to be removed.
    for each in card.same().filter(Q(pk=card.pk) | Q(removed_at__isnull=False)).order_by("removed_at"):
        with suppress(gateway.InvalidRequest):  # it is detached already
            gateway.detach_card(each.stripe_payment_method_id)
        Card.objects.filter(pk=each.pk).update(removed_at=at, is_default=False, fingerprint="")


def make_default(*, card: Card) -> None:
    """Offer this card first; the customer's other cards lose the mark in the same transaction."""
    with transaction.atomic():
        _make_default(card)


def _make_default(card: Card) -> None:
    # One at a time for each customer: two defaults at once would violate the unique constraint.
    list(Customer.objects.select_for_update().filter(pk=card.customer_id))
    Card.objects.filter(customer=card.customer_id, is_default=True).update(is_default=False)
    Card.objects.filter(pk=card.pk, removed_at=None).update(is_default=True)
    card.refresh_from_db()
