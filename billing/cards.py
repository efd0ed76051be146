"""Save, remove and choose a customer's cards."""

from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.db.models import Q

from billing import gateway
from billing.models import Card, StripeRemoval
from billing.removals import request_removal
from billing.settlement import stripe_customer
from customers.models import Customer


def save(*, customer: Customer, token: str, by_customer: bool = False, default: bool = False) -> Card:
    """Save a card for later: `token` is a payment method (pm_…) or a card token (tok_…) of Stripe's.

    Raise gateway.CardDeclined, gateway.InvalidRequest or gateway.Unavailable, and nothing was changed.
    """
    # Stripe first, outside any transaction.
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
        StripeRemoval.objects.filter(stripe_id=details.id).delete()
        if default:
            _make_default(card)
    return card


def remove(*, card: Card, at: datetime) -> list[StripeRemoval]:
    """Mark a saved card as removed, and have it detached at Stripe; the caller wakes a worker for what is returned."""
    with transaction.atomic():
        # Entered again later, the card has more payment methods, which were never offered.
        same = list(card.same().filter(Q(pk=card.pk) | Q(removed_at__isnull=False)).order_by("pk"))
        gone = {"removed_at": at, "is_default": False, "fingerprint": ""}
        Card.objects.filter(pk__in=[each.pk for each in same]).update(**gone)
        return [request_removal(StripeRemoval.Kind.CARD, each.stripe_payment_method_id) for each in same]


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
