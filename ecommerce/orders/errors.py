"""OrderError: an act that is refused. Nothing has happened when one is raised."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.card_attempts import TooManyDeclines
from billing.money import format_money
from ecommerce.models import Order, OrderAct, OrderEvent
from ecommerce.orders.history import status_events
from ecommerce.pricing.errors import PricingError

SECONDS = 120  # a shorter wait is told in seconds


class OrderError(Exception):
    """An act that is refused. `code` and `field` are for programs, `message` is a sentence for users.

    `total`, in the minor unit, is the new one where the price has changed; `retry_after`, in seconds, is when it may be
    tried again.
    """

    def __init__(
        self, code: str, message: str, *, field: str = "", total: int | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.total = total
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


def partly_fulfilled(order: Order) -> OrderError:
    """The error of canceling the whole of an order of which something was sent."""
    sentence = _("Some of order %(number)s was sent, so that it can't be canceled as a whole: cancel the items left.")
    return OrderError("partly_fulfilled", sentence % {"number": order.number})


def return_open(order: Order, number: str) -> OrderError:
    """The error of returning the whole of an order that has a return of its own, named by its number."""
    sentence = _("Return %(return)s of order %(number)s is open: close or cancel that first.")
    return OrderError("return_open", sentence % {"number": order.number, "return": number})


def needs_attention(order: Order) -> OrderError:
    """The error of fulfilling an order whose `attention` says that something is the matter with it."""
    sentence = _("Order %(number)s needs attention: %(why)s Settle that first, or fulfill it all the same.")
    return OrderError("needs_attention", sentence % {"number": order.number, "why": order.attention})


def on_hold(order: Order) -> OrderError:
    """The error of fulfilling an order that somebody put on hold."""
    values = {
        "number": order.number,
        "why": f": {order.hold_reason.rstrip('.')}" if order.hold_reason else "",
        "until": _(" (until %s)") % f"{order.hold_until:%Y-%m-%d %H:%M %Z}" if order.hold_until else "",
    }
    return OrderError("on_hold", _("Order %(number)s is on hold%(until)s%(why)s. Release it first.") % values)


def changed_meanwhile(order: Order, event: OrderEvent | None) -> OrderError:
    """The error of an act decided on a page that is out of date; `event` is the last change, by which it became so."""
    sentence = _("Order %(number)s has changed since this page was opened%(last)s. Nothing was done: look at it again.")
    last = f" ({event.get_kind_display().lower()} {_who_and_when(event)})" if event else ""
    return OrderError("changed", sentence % {"number": order.number, "last": last})


def too_many_declines(error: TooManyDeclines) -> OrderError:
    """The error of trying another card too soon after declined ones, which is what testers of stolen cards do."""
    minutes = -(-error.seconds // 60)
    wait = ngettext("%(n)d minute", "%(n)d minutes", minutes) % {"n": minutes}
    if error.seconds < SECONDS:
        wait = ngettext("%(n)d second", "%(n)d seconds", error.seconds) % {"n": error.seconds}
    sentence = _("Too many cards were declined. Nothing was charged: try again in %(wait)s.") % {"wait": wait}
    return OrderError("too_many_declines", sentence, retry_after=error.seconds)


def price_changed(*, now: int, was: int, currency: str) -> OrderError:
    """The error of paying another total than was accepted; both in the minor unit."""
    values = {"now": format_money(now, currency), "was": format_money(was, currency)}
    sentence = _("The total is %(now)s now, not %(was)s.") % values
    return OrderError("price_changed", sentence, field="expected_total", total=now)


def _by_whom(event: OrderEvent) -> str:
    return f" ({_who_and_when(event)})"


def _who_and_when(event: OrderEvent) -> str:
    return _("by %(by)s at %(when)s") % {"by": event.by_label, "when": f"{event.at:%Y-%m-%d %H:%M %Z}"}
