"""OrderError: an act that is refused. Nothing has happened when one is raised."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from ecommerce.models import Order, OrderAct, OrderEvent
from ecommerce.orders.history import status_events
from ecommerce.pricing import PricingError


class OrderError(Exception):
    """An act that is refused. `code` and `field` are for programs, `message` is a sentence for users."""

    def __init__(self, code: str, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


def from_pricing_error(error: PricingError) -> OrderError:
    """The same error as one of an order."""
    return OrderError(error.code, error.message, field=error.field)


def wrong_status(order: Order, *, needed: str, act: str, events: Mapping[int, OrderEvent] | None = None) -> OrderError:
    """Refuse because of the order's status. `events` are its `status_events`, where a bulk job has read them."""
    event = (status_events([order]) if events is None else events).get(order.pk)
    sentence = _("Order %(number)s is %(status)s%(who)s; only a %(needed)s order can be %(act)s.") % {
        "number": order.number,
        "status": order.get_status_display().lower(),
        "who": _by_whom(event) if event else "",
        "needed": needed,
        "act": act,
    }
    return OrderError("wrong_status", sentence)


def in_flight(order: Order, act: OrderAct) -> OrderError:
    """The error of an act refused because another one is open on the order."""
    sentence = _("Order %(number)s waits for Stripe: %(kind)s, requested by %(by)s at %(when)s.") % {
        "number": order.number,
        "kind": act.get_kind_display().lower(),
        "by": act.by_label,
        "when": f"{act.requested_at:%Y-%m-%d %H:%M %Z}",
    }
    return OrderError("in_progress", sentence)


def _by_whom(event: OrderEvent) -> str:
    return _(" (by %(by)s at %(when)s)") % {"by": event.by_label, "when": f"{event.at:%Y-%m-%d %H:%M %Z}"}
