"""The timeline of an order: its events as sentences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from backoffice.badges import tone
from billing.money import UnsupportedCurrency, format_money
from customers.actors import ActorKind
from customers.postal_addresses import address_lines
from ecommerce.admin.display import format_time
from ecommerce.models import Order, OrderEvent

MAX_ENTRIES = 200

Kind = OrderEvent.Kind
SENTENCES: Mapping[str, str | Promise] = {
    Kind.CREATED: gettext_lazy("Ordered for %(money)s"),
    Kind.PAYMENT_REQUESTED: gettext_lazy("Charge of %(money)s requested"),
    Kind.PAYMENT_ADOPTED: gettext_lazy("A charge that had been given up succeeded after all, and pays this order"),
    Kind.PRICE_CHANGED: gettext_lazy("The price has changed to %(money)s, which was accepted"),
    Kind.PAID: gettext_lazy("Paid, %(money)s"),
    Kind.PAYMENT_FAILED: gettext_lazy("Charge of %(money)s declined"),
    Kind.AUTHENTICATION_REQUIRED: gettext_lazy("The bank wants the customer to confirm the charge of %(money)s"),
    Kind.PARTLY_FULFILLED: gettext_lazy("Partly fulfilled"),
    Kind.FULFILLED: gettext_lazy("Fulfilled"),
    Kind.FULFILLMENT_UNDONE: gettext_lazy("Fulfillment undone: it was not sent"),
    Kind.TRACKING_CHANGED: gettext_lazy("Tracking corrected"),
    Kind.DELIVERED: gettext_lazy("Delivered"),
    Kind.CANCEL_REQUESTED: gettext_lazy("Cancellation requested; %(money)s goes back"),
    Kind.CANCELED: gettext_lazy("Canceled"),
    Kind.ITEMS_CANCEL_REQUESTED: gettext_lazy("Cancellation of items requested; %(money)s goes back"),
    Kind.ITEMS_CANCELED: gettext_lazy("Items canceled"),
    Kind.RETURN_OPENED: gettext_lazy("Return opened"),
    Kind.RETURN_APPROVED: gettext_lazy("Return approved"),
    Kind.RETURN_DECLINED: gettext_lazy("Return declined"),
    Kind.RETURN_CANCELED: gettext_lazy("Return canceled"),
    Kind.RETURN_RECEIVED: gettext_lazy("Return received"),
    Kind.RETURN_CLOSED: gettext_lazy("Return closed"),
    Kind.RETURN_REQUESTED: gettext_lazy("Refund of a return requested; %(money)s goes back"),
    Kind.CANCELLATION_ASKED: gettext_lazy("The customer asked to cancel"),
    Kind.CANCELLATION_DECLINED: gettext_lazy("Cancellation declined"),
    Kind.WITHDRAWN: gettext_lazy("The customer withdrew from the contract"),
    Kind.RETURNED: gettext_lazy("Returned"),
    Kind.REFUND_REQUESTED: gettext_lazy("Refund of %(money)s requested"),
    Kind.REQUEST_STOPPED: gettext_lazy("Stopped before it was sent: %(money)s stay"),
    Kind.REFUND_PENDING: gettext_lazy("Refund of %(money)s accepted by Stripe, not yet with the customer"),
    Kind.REFUNDED: gettext_lazy("Refunded %(money)s"),
    Kind.REFUND_SUCCEEDED: gettext_lazy("Refund of %(money)s reached the customer"),
    Kind.REFUND_FAILED: gettext_lazy("Refund of %(money)s failed"),
    Kind.AUTO_REFUND: gettext_lazy("Refund of %(money)s requested by itself"),
    Kind.SETTLED_OUTSIDE: gettext_lazy("%(money)s refunded outside Stripe"),
    Kind.SENT_AGAIN: gettext_lazy("Sent to Stripe once more, %(money)s"),
    Kind.DISPUTED: gettext_lazy("The customer disputes the charge of %(money)s at the bank"),
    Kind.DISPUTE_WON: gettext_lazy("The dispute of %(money)s was won: the money stays"),
    Kind.ADDRESS_CHANGED: gettext_lazy("Address corrected"),
    Kind.NOTE_ADDED: gettext_lazy("Note"),
    Kind.MESSAGE_WRITTEN: gettext_lazy("Message to the customer"),
    Kind.TAGS_CHANGED: gettext_lazy("Tags"),
    Kind.HELD: gettext_lazy("Put on hold"),
    Kind.RELEASED: gettext_lazy("Released"),
    Kind.ASSIGNED: gettext_lazy("Assigned"),
    Kind.PAYMENT_LINK_CREATED: gettext_lazy("Payment link made"),
    Kind.PAYMENT_LINK_REVOKED: gettext_lazy("Payment link revoked"),
    Kind.DISPUTE_LOST: gettext_lazy("The dispute of %(money)s was lost: the bank took the money back"),
}
# The keys of an event's data that are shown after the sentence, in this order.
DETAILS = (
    *("return", "reason", "answer", "refunded", "message", "note", "items", "carrier", "tracking_number"),
    *("further_tracking_numbers", "parcels", "old", "new", "despite", "card", "payment", "refund", "outcome"),
)


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    what: str
    who: str
    when: str
    why: str
    tone: str
    note: str = ""


def timeline(order: Order, notes: Mapping[int, str], subjects: Mapping[int, str]) -> list[TimelineEntry]:
    """Newest first; `notes` are the texts of the order's notes by id, `subjects` those of its mails."""
    events = order.events.order_by("-pk")[:MAX_ENTRIES]
    return [replace(timeline_entry(event), note=_quoted(event, notes, subjects)) for event in events]


def _quoted(event: OrderEvent, notes: Mapping[int, str], subjects: Mapping[int, str]) -> str:
    return notes.get(event.data.get("note_id"), "") or subjects.get(event.data.get("mail_id"), "")


def _what(event: OrderEvent) -> str | Promise:
    if event.kind == Kind.ASSIGNED and not event.data.get("assignee"):
        return _("Assigned to nobody")
    return SENTENCES.get(event.kind, event.kind.replace("_", " ").capitalize().replace("%", "%%"))


def timeline_entry(event: OrderEvent) -> TimelineEntry:
    sentence = _what(event)
    return TimelineEntry(
        what=str(sentence) % {"money": _money(event.data)},
        who=_actor_label(event),
        when=format_time(event.at),
        why=_details(event.data),
        tone=tone(event.kind),
    )


def describe_last_event(order: Order) -> str:
    event = order.events.order_by("-pk").first()
    if event is None:
        return ""
    last = timeline_entry(event)
    return _("%(what)s, by %(who)s, %(when)s.") % {"what": last.what, "who": last.who, "when": last.when}


def _money(data: Mapping[str, Any]) -> str:
    amount, currency = data.get("amount", data.get("total")), data.get("currency")
    if not isinstance(amount, int) or not isinstance(currency, str):
        return pgettext("an unknown amount of money", "money")
    try:
        return format_money(amount, currency)
    except UnsupportedCurrency:
        return f"{currency.upper()} {amount}"


def _details(data: Mapping[str, Any]) -> str:
    details = [_detail(data[name]) for name in DETAILS if data.get(name)]
    if data.get("restock") is False:
        details.append(_("not put back in stock"))
    details += _side_details(data)
    return " · ".join(details)


def _detail(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _side_details(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield what tags, holds, assignees and addresses say beside the usual details."""
    if data.get("assignee"):
        yield str(data["assignee"])
    for name, words in (("added", _("added %(tags)s")), ("removed", _("removed %(tags)s"))):
        if isinstance(data.get(name), list) and data[name]:
            yield words % {"tags": ", ".join(data[name])}
    if data.get("until"):
        yield _("until %(when)s") % {"when": format_time(datetime.fromisoformat(data["until"]))}
    if data.get("review"):
        yield _("Stripe Radar's review has ended: %(how)s") % {"how": str(data["review"]).replace("_", " ")}
    if data.get("expired"):
        yield _("its time was over")
    for name, words in (("old", _("from %(address)s")), ("new", _("to %(address)s"))):
        if isinstance(data.get(name), dict):
            yield words % {"address": ", ".join(address_lines(data[name]))}


def _actor_label(event: OrderEvent) -> str:
    labelled_kinds = {ActorKind.CUSTOMER.value, ActorKind.API_KEY.value}
    return f"{event.by_label} ({event.get_by_kind_display()})" if event.by_kind in labelled_kinds else event.by_label
