"""What a job would do to a selection as it is now: how many orders change, which are skipped and why, the refunds."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, Count, Exists, F, OuterRef, Q, Sum, Value, When
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ecommerce.bulk_jobs import preview_invoices, preview_organize
from ecommerce.bulk_jobs.preview_organize import ORGANIZING
from ecommerce.models import BulkJob, Order, OrderAct, Return
from ecommerce.models.order_queryset import OrderQuerySet

Action = BulkJob.Action
NEEDED = {
    Action.FULFILL: Order.Status.PAID,
    Action.CANCEL: Order.Status.PAID,
    Action.RETURN: Order.Status.FULFILLED,
}
ATTENTION = "attention"  # likewise: an order that has the needed one, and needs attention
HELD = "held"  # likewise: one that is on hold
REFUNDED = "refunded"  # beside the statuses: an order that has the needed one, and nothing left to refund
PARTLY = "partly"  # likewise: of which something was sent, so that it can't be canceled as a whole
RETURNING = "returning"  # likewise: which has an open return of its own
REFUNDED_WHOLLY = Q(total__gt=0, amount_refunded__gte=F("total") - F("fees_kept"))


@dataclass(slots=True, kw_only=True)
class Preview:
    """Counts of orders: `changes` at once, `waits` for another act in flight, `skips` with their reason.

    `disputed` are those whose refund Stripe will refuse, `money` is what is refunded, by currency, in its minor unit.
    `attention` has key, number and trouble of each order that is not fulfilled since it needs attention.
    """

    total: int = 0
    changes: int = 0
    waits: int = 0
    money: Counter[str] = field(default_factory=Counter)
    disputed: int = 0
    skips: list[tuple[int, str]] = field(default_factory=list)
    attention: list[tuple[int, str, str]] = field(default_factory=list)


def preview(action: str, orders: OrderQuerySet) -> Preview:
    """Two or three statements, however many orders."""
    result, skipped = Preview(), Counter[str]()
    if action in ORGANIZING or action == Action.INVOICES:
        found = preview_invoices.count(orders) if action == Action.INVOICES else preview_organize.count(action, orders)
        result.changes, result.skips = found
        result.total = result.changes + sum(count for count, _reason in result.skips)
        return result
    needed = NEEDED[Action(action)]
    for status, currency, obstacle, count, owed in _count_by_status(action, orders):
        result.total += count
        if status == needed and not obstacle:
            result.changes += count
            result.money[currency] += 0 if action == Action.FULFILL else owed
        else:
            skipped[obstacle if status == needed else status] += count
    # Orders in flight were counted above: those of the same act are joined, those of another one wait for it.
    for status, currency, kind, is_whole, count, owed in _count_in_flight(orders):
        if status == needed:
            is_same = kind == action and is_whole
            result.changes -= 0 if is_same else count
            result.waits += 0 if is_same else count
            result.money[currency] -= 0 if action == Action.FULFILL else owed
    result.money = +result.money
    if action != Action.FULFILL:
        disputed = orders.order_by().filter(status=needed, invoice__payments__dispute__in=("open", "lost"))
        result.disputed = disputed.count()
    if skipped[ATTENTION]:
        result.attention = _needing_attention(orders)
    result.skips = [(count, reason(action, status, count)) for status, count in sorted(skipped.items())]
    return result


def _obstacle(action: str) -> Case:
    """What keeps an order of the needed status from being changed."""
    # An order in flight waits, whatever else is the matter with it: it is counted by `_count_in_flight`.
    idle = ~Exists(OrderAct.objects.filter(order=OuterRef("pk"), closed_at=None))
    of_action = {
        Action.FULFILL: (
            When(REFUNDED_WHOLLY, then=Value(REFUNDED)),
            When(Q(on_hold=True) & idle, then=Value(HELD)),
            When(~Q(attention="") & idle, then=Value(ATTENTION)),
        ),
        Action.CANCEL: (When(~Q(fulfillment_state="") & idle, then=Value(PARTLY)),),
        Action.RETURN: (
            When(Exists(Return.objects.filter(order=OuterRef("pk"), closed_at=None)) & idle, then=Value(RETURNING)),
        ),
    }
    return Case(*of_action[Action(action)], default=Value(""))


def _count_by_status(action: str, orders: OrderQuerySet) -> Iterable[tuple[Any, ...]]:
    left = F("total") - F("amount_refunded") - F("fees_kept")
    rows = orders.order_by().annotate(obstacle=_obstacle(action)).values("status", "currency", "obstacle")
    found = rows.annotate(orders=Count("pk"), owed=Sum(left, filter=Q(paid_at__isnull=False), default=0))
    return found.values_list("status", "currency", "obstacle", "orders", "owed")


def _needing_attention(orders: OrderQuerySet) -> list[tuple[int, str, str]]:
    acts = OrderAct.objects.filter(order=OuterRef("pk"), closed_at=None)
    troubled = orders.needing_attention().filter(
        ~Exists(acts), ~REFUNDED_WHOLLY, status=Order.Status.PAID, on_hold=False
    )
    return list(troubled.order_by("pk").values_list("pk", "number", "attention"))


def _count_in_flight(orders: OrderQuerySet) -> Iterable[tuple[Any, ...]]:
    acts = OrderAct.objects.filter(closed_at=None, order__in=orders.order_by().values("pk")).order_by()
    left = F("order__total") - F("order__amount_refunded") - F("order__fees_kept")
    groups = ("order__status", "order__currency", "kind", "is_all")
    found = acts.annotate(is_all=Q(lines=[])).values(*groups).annotate(orders=Count("pk"), owed=Sum(left))
    return list(found.values_list(*groups, "orders", "owed"))


def reason(action: str, status: str, count: int) -> str:
    """Why `count` orders of a status would be skipped, as a sentence."""
    done = {Action.FULFILL: _("fulfilled"), Action.CANCEL: _("canceled"), Action.RETURN: _("returned")}
    values = {"count": f"{count:,}", "done": done[Action(action)]}
    if status not in Order.Status.values:
        return _about_obstacle(status, count) % values
    sentence = ngettext(
        "%(count)s is %(status)s; only a %(needed)s order can be %(done)s.",
        "%(count)s are %(status)s; only a %(needed)s order can be %(done)s.",
        count,
    )
    labels = {"status": Order.Status(status).label, "needed": NEEDED[Action(action)].label}
    return sentence % {**values, **{name: str(label).lower() for name, label in labels.items()}}


def _about_obstacle(name: str, count: int) -> str:
    sentences = {
        REFUNDED: ngettext(
            "%(count)s was wholly refunded; it can only be canceled.",
            "%(count)s were wholly refunded; they can only be canceled.",
            count,
        ),
        HELD: ngettext("%(count)s is on hold; release it first.", "%(count)s are on hold; release them first.", count),
        ATTENTION: ngettext("%(count)s needs attention.", "%(count)s need attention.", count),
        PARTLY: ngettext(
            "%(count)s was sent in part; only the items left can be canceled, on its page.",
            "%(count)s were sent in part; only the items left can be canceled, on their pages.",
            count,
        ),
        RETURNING: ngettext(
            "%(count)s has an open return: close or cancel that first.",
            "%(count)s have open returns: close or cancel those first.",
            count,
        ),
    }
    return sentences[name]
