"""What customers ask for and nobody has answered yet: cancellations, returns, withdrawals; and the answers."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from billing.money import format_money
from customers.actors import Actor
from ecommerce.customer_requests.cancellations import approve_cancellation, decline_cancellation
from ecommerce.customer_requests.returns import approve, decline
from ecommerce.customer_requests.waiting import open_requests, open_returns
from ecommerce.customer_requests.withdrawals import carry_out
from ecommerce.models import CustomerRequest, Order, OrderItem, Return, ShopSettings
from ecommerce.models.customer_request import refund_deadline

MAX_SHOWN = 200
Kind = CustomerRequest.Kind
Answer = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRequest:
    """One thing that a customer asks for. `approve` and `decline` are the acts that answer it, where there are some."""

    key: str
    what: str
    tone: str
    order: Order
    content: str
    words: str
    at: datetime
    due: datetime
    link: str
    permission: str
    money: int = 0
    approve: Answer | None = None
    decline: Answer | None = None

    def is_late(self, now: datetime) -> bool:
        return self.due < now


class Inbox:
    """What is open, what is due first first; at most MAX_SHOWN of each kind, the oldest."""

    def __init__(self, *, order_id: int | None = None) -> None:
        self.order_id = order_id

    @cached_property
    def all(self) -> list[PendingRequest]:
        within = timedelta(days=ShopSettings.objects.values_list("answer_days", flat=True).first() or 0)
        returns = self._of_order(open_returns()).prefetch_related("items__item")
        requests = self._of_order(open_requests()).prefetch_related("order__items")
        found = [*(_of_return(each, within) for each in returns), *(_of_request(each, within) for each in requests)]
        return sorted(found, key=lambda item: item.due)

    def _of_order(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        rows = rows if self.order_id is None else rows.filter(order=self.order_id)
        return rows.select_related("order__customer").order_by("pk")[:MAX_SHOWN]

    def chosen(self, keys: Iterable[str]) -> list[PendingRequest]:
        wanted = set(keys)
        return [item for item in self.all if item.key in wanted]


def _of_return(each: Return, within: timedelta) -> PendingRequest:
    requested = each.status == Return.Status.REQUESTED
    return PendingRequest(
        key=f"return-{each.pk}",
        what=_("Withdrawal") if each.is_withdrawal else _("Return"),
        tone="bad" if each.is_withdrawal else "info",
        order=each.order,
        content=", ".join(f"{row.quantity} x {row.item.description}" for row in each.items.all()),
        words=" · ".join(filter(None, [each.number, each.reason, each.note])),
        at=each.requested_at,
        due=refund_deadline(each.requested_at) if each.is_withdrawal else each.requested_at + within,
        link=reverse("admin:ecommerce_return_change", args=[each.pk]),
        permission="ecommerce.handle_return",
        approve=partial(approve, return_id=each.pk) if requested else None,
        decline=partial(decline, return_id=each.pk) if requested else None,
    )


def _of_request(each: CustomerRequest, within: timedelta) -> PendingRequest:
    withdrawal = each.kind == Kind.WITHDRAWAL
    order = each.order
    return PendingRequest(
        key=f"request-{each.pk}",
        what=str(each.get_kind_display()),
        tone="bad" if withdrawal else "warn",
        order=order,
        content=_in_words(each.items, order.items.all()) or order.summary,
        words=" · ".join(filter(None, [each.reason, each.note, each.obstacle])),
        at=each.requested_at,
        due=refund_deadline(each.requested_at) if withdrawal else each.requested_at + within,
        link=reverse("admin:ecommerce_order_change", args=[order.pk]),
        permission="ecommerce.cancel_order",
        money=0 if withdrawal or not order.was_paid else order.total - order.amount_refunded,
        approve=partial(carry_out if withdrawal else approve_cancellation, request_id=each.pk),
        decline=None if withdrawal else partial(decline_cancellation, request_id=each.pk),
    )


def _in_words(pairs: Sequence[Sequence[int]], items: Iterable[OrderItem]) -> str:
    names = {item.pk: item.description for item in items}
    return ", ".join(f"{quantity} x {names.get(pk, pk)}" for pk, quantity in pairs)


def money_back(chosen: Iterable[PendingRequest]) -> str:
    """The money that approving sends back at once, by currency, as text."""
    sums = Counter[str]()
    for item in chosen:
        sums[item.order.currency] += item.money
    return ", ".join(format_money(amount, currency) for currency, amount in sorted(sums.items()) if amount)


def answer(item: PendingRequest, *, approves: bool, words: str, by: Actor, at: datetime) -> Any:
    """Approve or decline one of them; raise OrderError."""
    act = item.approve if approves else item.decline
    if act is None:
        raise ValueError("Nothing to answer.")
    if approves and item.key.startswith("request-") and item.what == str(Kind.WITHDRAWAL.label):
        return act(by=by, at=at)
    return act(answer=words, by=by, at=at)
