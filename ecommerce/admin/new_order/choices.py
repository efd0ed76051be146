"""The radio buttons for a customer's addresses and cards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from customers.models import Address, Customer
from customers.postal_addresses import address_lines, address_warnings
from ecommerce.admin.new_order.forms import NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """`disabled_reason` says why it cannot be chosen; empty where it can. `warnings` speak against it all the same."""

    value: str
    title: str
    detail: str
    disabled_reason: str = ""
    warnings: Sequence[str] = ()


def address_choice(address: Address) -> Choice:
    frozen = address.frozen()
    lines = address_lines({**frozen, "name": ""})
    detail = ", ".join(lines)
    if address.delivery_instructions:
        detail = f"{detail} ({address.delivery_instructions})"
    return Choice(value=str(address.pk), title=address.name, detail=detail, warnings=address_warnings(frozen))


def card_choices(customer: Customer | None, *, at: datetime) -> list[Choice]:
    """Expired cards come last, disabled."""
    if customer is None:
        return []
    cards = customer.cards.filter(removed_at=None).order_by("-is_default", "-pk")
    choices = [
        Choice(
            value=str(card.pk),
            title=str(card),
            detail=_("Expires {month:02}/{year}").format(month=card.exp_month, year=card.exp_year),
            disabled_reason=_("Expired") if card.expired(year=at.year, month=at.month) else "",
        )
        for card in cards
    ]
    return sorted(choices, key=lambda choice: bool(choice.disabled_reason))


def selected_value(choices: Sequence[Choice], requested: str) -> str:
    """Return the requested value if it can be chosen, else the first that can, else NEW."""
    enabled = [choice.value for choice in choices if not choice.disabled_reason]
    if requested == NEW or requested in enabled:
        return requested
    return enabled[0] if enabled else NEW
