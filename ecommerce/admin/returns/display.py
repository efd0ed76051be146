"""What the pages of returns show: what waits for whom, the rows, the deadline, the history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice import database_clock
from backoffice.badges import tone
from backoffice.times import moment
from billing.money import format_money
from ecommerce.admin.display import Badge, format_time
from ecommerce.admin.orders.timeline import timeline_entry
from ecommerce.models import OrderEvent, Return, ReturnItem
from ecommerce.models.customer_request import refund_deadline

Status = Return.Status


def next_step(order_return: Return) -> str:
    """Say who has to do what now."""
    if order_return.is_refunding:
        return _("Stripe: confirm the refund, which closes it")
    return {
        Status.REQUESTED: _("Staff: approve or decline it"),
        Status.APPROVED: _("Customer: send it. Staff: receive it"),
        Status.RECEIVED: _("Staff: close it"),
    }.get(Status(order_return.status), "")


def status_badge(order_return: Return) -> Badge:
    return Badge(str(order_return.get_status_display()), tone(order_return.status))


def deadline(order_return: Return) -> datetime | None:
    """Until when an open withdrawal has to be refunded."""
    is_due = order_return.is_withdrawal and order_return.is_open
    return refund_deadline(order_return.requested_at) if is_due else None


def deadline_badge(order_return: Return) -> Badge | None:
    at = deadline(order_return)
    if at is None:
        return None
    words = _("Withdrawal, refund by %(when)s") % {"when": format_time(at)}
    return Badge(words, "bad" if at < database_clock.now() else "warn")


@dataclass(frozen=True, slots=True)
class Row:
    """Units of an item of a return that arrived in one condition, or are awaited."""

    description: str
    code: str
    quantity: int
    received: int
    condition: str
    stock: str


def rows(order_return: Return) -> list[Row]:
    return [_row(each) for each in order_return.items.select_related("item").order_by("item", "pk")]


def _row(row: ReturnItem) -> Row:
    stock = ""
    if row.received:
        stock = _("back in stock") if row.restock else _("not put back")
    condition = row.get_condition_display() or _("awaited")
    return Row(row.item.description, row.item.sku_code, row.quantity, row.received, str(condition), stock)


def history(order_return: Return) -> list[Any]:
    events = OrderEvent.objects.filter(order=order_return.order_id, data__return=order_return.number)
    return [timeline_entry(event) for event in events.order_by("-pk")]


def refunds(order_return: Return) -> list[dict[str, str]]:
    """The refunds that were made for it, with their credit notes."""
    found = []
    for act in order_return.acts.select_related("refund__credit_note").order_by("pk"):
        if refund := act.refund:
            note = getattr(refund, "credit_note", None)
            found.append(
                {
                    "money": format_money(refund.amount, refund.currency),
                    "status": str(refund.get_status_display()),
                    "tone": tone(refund.status),
                    "url": reverse("admin:billing_refund_change", args=[refund.pk]),
                    "note": note.number if note else "",
                    "note_url": reverse("admin:billing_creditnote_change", args=[note.pk]) if note else "",
                }
            )
    return found


def facts(order_return: Return) -> list[tuple[str, Any]]:
    times = [
        (_("Requested"), order_return.requested_at),
        (_("Approved"), order_return.approved_at),
        (_("Received"), order_return.received_at),
        (str(order_return.get_status_display()) if order_return.closed_at else "", order_return.closed_at),
    ]
    words = [
        (_("Reason"), order_return.reason),
        (_("Note"), order_return.note),
        (_("Answer to the customer"), order_return.answer),
        (_("By"), f"{order_return.by_label} ({order_return.get_by_kind_display()})"),
    ]
    return [*((label, value) for label, value in words if value), *((label, moment(at)) for label, at in times if at)]
