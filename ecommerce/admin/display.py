"""How times, states and amounts of orders are shown."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise

from backoffice.badges import tone
from ecommerce.models import Order

_STATUS_LABELS = dict(Order.Status.choices)
_MONEY_LABELS = dict(Order.MoneyState.choices)


@dataclass(frozen=True, slots=True)
class Badge:
    """A word on a coloured ground; `tone` is good, done, info, warn, bad or plain."""

    label: str | Promise
    tone: str


def when(at: datetime) -> str:
    """Write a time with its zone: 2026-11-23 14:02 UTC."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M %Z}"


def status_badge(order: Order) -> Badge:
    """Show the status."""
    return Badge(_STATUS_LABELS[order.status], tone(order.status))


def money_badge(order: Order) -> Badge | None:
    """Show what is under way or went wrong with money; nothing where all is well."""
    state = order.money_state
    return Badge(_MONEY_LABELS[state], tone(state)) if state else None
