"""The tabs of a customer's page: each bounded, newest first, with the way to all of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from billing.models import Card, Invoice
from customers.models import Customer
from ecommerce.models import Order, OrderEvent

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Panel:
    """One tab; the one without a template is part of the form."""

    slug: str
    title: str | Promise
    template: str = ""
    rows: tuple[Any, ...] = ()
    all_link: str = ""
    more: bool = False


def panels(request: HttpRequest, customer: Customer) -> list[Panel]:
    """Give the tabs that this person may see."""
    built: list[tuple[str, Callable[[Customer], Panel]]] = [
        ("ecommerce.view_order", _orders),
        ("billing.view_invoice", _invoices),
        ("billing.view_card", _cards),
        ("customers.view_address", lambda _customer: Panel("addresses", _("Addresses"))),
        ("ecommerce.view_order", _activity),
    ]
    return [build(customer) for permission, build in built if request.user.has_perm(permission)]


def _orders(customer: Customer) -> Panel:
    rows = tuple(Order.objects.filter(customer=customer).order_by("-pk")[: SHOWN + 1])
    link = f"{reverse('admin:ecommerce_order_changelist')}?{urlencode({'customer': customer.pk})}"
    return Panel("orders", _("Orders"), "ecommerce/customer_orders.html", rows[:SHOWN], link, len(rows) > SHOWN)


def _invoices(customer: Customer) -> Panel:
    rows = tuple(Invoice.objects.filter(customer=customer).order_by("-pk")[: SHOWN + 1])
    link = f"{reverse('admin:billing_invoice_changelist')}?{urlencode({'customer__id__exact': customer.pk})}"
    return Panel("invoices", _("Invoices"), "ecommerce/customer_invoices.html", rows[:SHOWN], link, len(rows) > SHOWN)


def _cards(customer: Customer) -> Panel:
    replaced = ~Q(fingerprint="") & Q(removed_at__isnull=False)  # typed again: the row that was there is the card
    rows = tuple(Card.objects.filter(customer=customer).exclude(replaced).order_by("-pk")[:SHOWN])
    return Panel("cards", _("Payment methods"), "ecommerce/customer_cards.html", rows)


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One line of what happened."""

    at: datetime
    what: str
    by: str
    order: Order | None = None


def _activity(customer: Customer) -> Panel:
    lately = Order.objects.filter(customer=customer).order_by("-pk").values("pk")[:SHOWN]
    events = OrderEvent.objects.filter(order__in=lately).select_related("order").order_by("-pk")[:SHOWN]
    edits = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Customer), object_id=str(customer.pk)
    ).select_related("user")[:SHOWN]
    happened = [
        ActivityRow(each.at, each.kind.replace("_", " ").capitalize(), each.by_label, each.order) for each in events
    ]
    happened += [ActivityRow(each.action_time, str(each.get_change_message()), str(each.user)) for each in edits]
    rows = tuple(sorted(happened, key=lambda line: line.at, reverse=True)[:SHOWN])
    return Panel("activity", _("Activity"), "ecommerce/customer_activity.html", rows)
