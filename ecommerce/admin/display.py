"""Display helpers that the admin screens share: times, badges, tab links."""

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
    """`tone` is the suffix of the CSS class: good, done, info, warn, bad or plain."""

    label: str | Promise
    tone: str


@dataclass(frozen=True, slots=True)
class TabLink:
    title: str | Promise
    count: str
    link: str
    active: bool


def format_time(at: datetime) -> str:
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M %Z}"


def status_badge(order: Order) -> Badge:
    return Badge(_STATUS_LABELS[order.status], tone(order.status))


def money_state_badge(order: Order) -> Badge | None:
    state = order.money_state
    return Badge(_MONEY_LABELS[state], tone(state)) if state else None


def fulfillment_badge(order: Order) -> Badge | None:
    """Of a paid order, some of whose items have left."""
    state = order.fulfillment_state
    return Badge(Order.FulfillmentState(state).label, tone(state)) if state else None
