"""Acts on a customer's saved cards. Each calls Stripe outside any transaction; a card is kept here once Stripe has it.

Raise gateway.CardDeclined, gateway.Refused or gateway.Unavailable, and nothing was kept.
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


def save(*, customer: Customer, token: str, default: bool = False) -> Card:
    """Save a card for later: `token` is a payment method (pm_…) or a card token (tok_…) of Stripe's."""
    owner = stripe_customer(customer, key=f"customer-{uuid4()}")
    facts = gateway.attach_card(token=token, customer_id=owner)
    with transaction.atomic():
        card, _made = Card.objects.update_or_create(
            stripe_payment_method_id=facts.id,
            defaults={
                "customer": customer,
                "brand": facts.brand,
                "last4": facts.last4,
                "exp_month": facts.exp_month,
                "exp_year": facts.exp_year,
                "fingerprint": facts.fingerprint,
                "removed_at": None,
            },
        )
        if default:
            _make_default(card)
    return card


def remove(*, card: Card, at: datetime) -> None:
    """Forget a saved card, at Stripe first: one that only we forgot could still be charged."""
    # With all that was typed of it later and never offered; the one offered last, so that a crash leaves it to remove.
    for each in card.same().filter(Q(pk=card.pk) | Q(removed_at__isnull=False)).order_by("removed_at"):
        with suppress(gateway.InvalidRequest):  # it is not attached any more, which is what was wanted
            gateway.detach_card(each.stripe_payment_method_id)
        Card.objects.filter(pk=each.pk).update(removed_at=at, is_default=False, fingerprint="")


def make_default(*, card: Card) -> None:
    """Make a card the one that is offered first."""
    with transaction.atomic():
        _make_default(card)


def _make_default(card: Card) -> None:
    # One customer's cards change one after the other: two defaults at once would break the unique index.
    list(Customer.objects.select_for_update().filter(pk=card.customer_id))
    Card.objects.filter(customer=card.customer_id, is_default=True).update(is_default=False)
    Card.objects.filter(pk=card.pk, removed_at=None).update(is_default=True)
    card.refresh_from_db()
