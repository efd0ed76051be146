"""Cancel some of what an order has not sent: its price goes back, and nothing of what stays is computed anew."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.models import Order, OrderAct, OrderItem
from ecommerce.orders.cancel import request_cancel
from ecommerce.orders.errors import OrderError, in_flight, wrong_status
from ecommerce.orders.refund import complete_without_refund, request_refund
from ecommerce.orders.refund_quotes import RefundQuote, quote_units
from ecommerce.orders.selectors import open_act

Kind = OrderAct.Kind


def cancel_items(
    *,
    order_id: int,
    items: Sequence[tuple[int, int]],
    reason: str,
    by: Actor,
    at: datetime,
    left: Mapping[int, int] | None = None,
) -> Order:
    """Cancel units of a paid order that were not sent, given by item id; raise OrderError.

    All that is left of an order that has sent nothing cancels it. `left` is what could still be canceled, by item id,
    when the user decided: refused where that has changed since, so that a button pressed twice cancels once.
    """
    with transaction.atomic():
        order = Order.objects.locked().select_related("invoice").get(pk=order_id)
        request_cancel_items(order, items, reason=reason, by=by, at=at, left=left)
    return order


def request_cancel_items(
    order: Order,
    items: Iterable[Sequence[int]],
    *,
    reason: str,
    by: Actor,
    at: datetime,
    left: Mapping[int, int] | None = None,
) -> OrderAct | None:
    """Cancel units of a locked order; return the open act if a refund has to be executed first."""
    units = _added_up(items)
    act = open_act(order)
    if act and act.kind == Kind.CANCEL_ITEMS and dict(act.lines) == units:
        return act  # the same request, sent again while it waits for Stripe
    if act:
        raise in_flight(order, act)
    if order.status != Order.Status.PAID:
        raise wrong_status(order, needed=_("paid"), act=_("canceled in part"))
    own = list(order.items.order_by("pk"))
    _check_left(order, own, units, left)
    if cancels_all(own, units):
        return request_cancel(order, reason=reason, by=by, at=at)
    lines = [[item_id, quantity] for item_id, quantity in units.items()]
    act = OrderAct(order=order, kind=Kind.CANCEL_ITEMS, reason=reason, lines=lines, requested_at=at, **by.columns)
    quote = quote_units(order, units)
    if quote is None or not quote.total:
        complete_without_refund(act, at=at)
        return None
    request_refund(act, quote.payment, quote.total, at=at, quote=quote)
    return act


def quote_cancellation(order: Order, items: Iterable[Sequence[int]]) -> RefundQuote | None:
    """Return what the cancellation of units that are left would give back, None where nothing was charged."""
    return quote_units(order, _added_up(items))


def cancels_all(own: Sequence[OrderItem], units: Mapping[int, int]) -> bool:
    """Whether these are all units of an order that has sent nothing, which cancels it."""
    return not any(item.fulfilled for item in own) and all(units.get(item.pk, 0) == item.left for item in own)


def _added_up(items: Iterable[Sequence[int]]) -> dict[int, int]:
    units = Counter[int]()
    for item_id, quantity in items:
        units[item_id] += quantity
        if quantity < 1:
            raise OrderError("invalid_items", _("Say how many of each item: 1 or more."), field="items")
    return dict(units)


def _check_left(
    order: Order, own: Sequence[OrderItem], units: Mapping[int, int], expected: Mapping[int, int] | None
) -> None:
    left = {item.pk: item.left for item in own}
    if not units or units.keys() - left.keys():
        sentence = _("Choose what of order %(number)s is canceled.") % {"number": order.number}
        raise OrderError("invalid_items", sentence, field="items")
    if expected is not None and {key: left.get(key, 0) for key in expected} != dict(expected):
        sentence = _("What is left of order %(number)s has changed meanwhile. Nothing was canceled: choose again.")
        raise OrderError("changed_meanwhile", sentence % {"number": order.number}, field="items")
    for item in own:
        if units.get(item.pk, 0) > item.left:
            values = {"item": item.description, "left": item.left, "wanted": units[item.pk]}
            sentence = _("Of %(item)s, %(left)d are left to cancel, not %(wanted)d.")
            raise OrderError("invalid_items", sentence % values, field="items")
