"""Refusals: the expected ways in which an act is not done. Nothing has happened when one is raised."""

from collections.abc import Iterable
from enum import Enum, auto

from django.db.models import F
from django.utils.translation import gettext as _

from ecommerce.models import Order, OrderAct, OrderEvent
from ecommerce.pricing import PricingError


class OrderError(Exception):
    """An act that is not done. `code` and `field` are for programs, `message` is a sentence for people."""

    def __init__(self, code: str, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


def from_pricing_error(refused: PricingError) -> OrderError:
    """Say as a refused order why it can't be priced."""
    return OrderError(refused.code, refused.message, field=refused.field)


class Unknown(Enum):
    """Says that nobody has looked yet, where None says that there is none."""

    UNKNOWN = auto()


UNKNOWN = Unknown.UNKNOWN
LastEvent = OrderEvent | Unknown | None


def last_events(orders: Iterable[Order]) -> dict[int, OrderEvent]:
    """Give, by order, the event that brought each to its status."""
    events = OrderEvent.objects.filter(order__in=list(orders), kind=F("order__status")).order_by("pk")
    return {event.order_id: event for event in events}


def wrong_status(order: Order, *, needed: str, act: str, last: LastEvent = UNKNOWN) -> OrderError:
    """Say that the order's status does not allow the act, and who brought it there."""
    if isinstance(last, Unknown):
        last = last_events([order]).get(order.pk)
    sentence = _("Order %(number)s is %(status)s%(who)s; only a %(needed)s order can be %(act)s.") % {
        "number": order.number,
        "status": order.get_status_display().lower(),
        "who": _who(last),
        "needed": needed,
        "act": act,
    }
    return OrderError("wrong_status", sentence)


def in_flight(order: Order, open_act: OrderAct) -> OrderError:
    """Say that something else is under way with the order's money, and who wants it since when."""
    sentence = _("Order %(number)s waits for Stripe: %(kind)s, requested by %(by)s at %(when)s.") % {
        "number": order.number,
        "kind": open_act.get_kind_display().lower(),
        "by": open_act.by_label,
        "when": f"{open_act.requested_at:%Y-%m-%d %H:%M %Z}",
    }
    return OrderError("in_progress", sentence)


def _who(event: OrderEvent | None) -> str:
    if event is None:
        return ""
    return _(" (by %(by)s at %(when)s)") % {"by": event.by_label, "when": f"{event.at:%Y-%m-%d %H:%M %Z}"}
