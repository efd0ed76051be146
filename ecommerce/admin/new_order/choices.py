"""A customer's addresses and cards as radio buttons."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from customers.models import Address, Customer
from ecommerce.admin.new_order.forms import NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One radio button: what is sent, what is read, and why it can't be chosen, if so."""

    value: str
    title: str
    detail: str
    against: str = ""


def addresses(customer: Customer | None) -> list[Choice]:
    """Give the customer's addresses: those to send to first, the default before others."""
    if customer is None:
        return []
    found = customer.addresses.order_by("-kind", "-is_default", "-pk")
    return [Choice(value=str(each.pk), title=each.name, detail=_in_full(each)) for each in found]


def _in_full(address: Address) -> str:
    town = " ".join(part for part in (address.postal_code, address.city) if part)
    parts = (address.line1, address.line2, town, address.state, address.country_name)
    return ", ".join(part for part in parts if part)


def cards(customer: Customer | None, *, at: datetime) -> list[Choice]:
    """Give the cards the customer has not removed; those that are expired are shown last, and can't be chosen."""
    if customer is None:
        return []
    found = customer.cards.filter(removed_at=None).order_by("-is_default", "-pk")
    choices = [
        Choice(
            value=str(card.pk),
            title=str(card),
            detail=_("Expires {month:02}/{year}").format(month=card.exp_month, year=card.exp_year),
            against=_("Expired") if card.expired(year=at.year, month=at.month) else "",
        )
        for card in found
    ]
    return sorted(choices, key=lambda choice: bool(choice.against))


def checked(choices: Sequence[Choice], wished: str) -> str:
    """Give the value to tick: the one wished for if it is there, else the first that can be chosen, else a new one."""
    possible = [choice.value for choice in choices if not choice.against]
    if wished == NEW or wished in possible:
        return wished
    return possible[0] if possible else NEW
