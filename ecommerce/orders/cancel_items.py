"""Cancel some of what an order has not sent: its price goes back, and nothing of what stays is computed anew."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from customers.actors import Actor
from ecommerce.models import Order, OrderAct, OrderItem
from ecommerce.orders.cancel import request_cancel
from ecommerce.orders.errors import OrderError, changed_meanwhile, in_flight, wrong_status
from ecommerce.orders.parcels import last_change
from ecommerce.orders.refund import complete_without_refund, request_refund, was_requested
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
    seen_left: str | None = None,
    key: str = "",
) -> Order:
    """Cancel units of a paid order that were not sent, given by item id; raise OrderError.

    All that is left of an order that has sent nothing cancels it. `seen_left` is the `left_fingerprint` of when the
    user decided: where that has changed, nothing is canceled, so that a button pressed twice cancels once. `key` makes
    a program's request idempotent.
    """
    with transaction.atomic():
        order = Order.objects.locked().select_related("invoice").get(pk=order_id)
        if key and was_requested(order, key, _fingerprint(items)):
            return order
        act = request_cancel_items(order, items, reason=reason, by=by, at=at, seen_left=seen_left)
        if key:
            # Also of an act that cancels the whole, but not of one that was requested under another key.
            OrderAct.objects.filter(pk=act.pk, request_key=None).update(
                request_key=key, request_hash=_fingerprint(items)
            )
    return order


def left_fingerprint(own: Sequence[OrderItem]) -> str:
    """What is left to cancel, as a form carries it: where it is another one meanwhile, the form is out of date."""
    return ",".join(f"{item.pk}:{item.left}" for item in own if item.left)


def _fingerprint(items: Iterable[Sequence[int]]) -> str:
    return hashlib.sha256(json.dumps(sorted(_added_up(items).items())).encode()).hexdigest()


def request_cancel_items(
    order: Order,
    items: Iterable[Sequence[int]],
    *,
    reason: str,
    by: Actor,
    at: datetime,
    seen_left: str | None = None,
) -> OrderAct:
    """Cancel units of a locked order; return the act, which is open if a refund has to be executed first."""
    units = _added_up(items)
    act = open_act(order)
    if act and act.kind == Kind.CANCEL_ITEMS and dict(act.lines) == units:
        return act  # the same request, sent again while it waits for Stripe
    if act:
        raise in_flight(order, act)
    if order.status != Order.Status.PAID:
        raise wrong_status(order, needed=_("paid"), act=_("canceled in part"))
    own = list(order.items.order_by("pk"))
    _check_left(order, own, units, seen_left)
    if cancels_all(own, units):
        request_cancel(order, reason=reason, by=by, at=at)
        return order.acts.latest("pk")
    lines = [[item_id, quantity] for item_id, quantity in units.items()]
    act = OrderAct(order=order, kind=Kind.CANCEL_ITEMS, reason=reason, lines=lines, requested_at=at, **by.columns)
    quote = quote_units(order, units)
    if quote is None or not quote.total:
        complete_without_refund(act, at=at)
        return act
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


def _check_left(order: Order, own: Sequence[OrderItem], units: Mapping[int, int], seen_left: str | None) -> None:
    left = {item.pk: item.left for item in own}
    if not units or units.keys() - left.keys():
        sentence = _("Choose what of order %(number)s is canceled.") % {"number": order.number}
        raise OrderError("invalid_items", sentence, field="items")
    if seen_left not in {None, left_fingerprint(own)}:
        raise changed_meanwhile(order, last_change(order))
    for item in own:
        if units.get(item.pk, 0) > item.left:
            values = {"item": item.description, "left": item.left, "wanted": units[item.pk]}
            sentence = _("Of %(item)s, %(left)d are left to cancel, not %(wanted)d.")
            raise OrderError("invalid_items", sentence % values, field="items")
