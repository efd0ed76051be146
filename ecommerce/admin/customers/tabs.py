"""The tabs of the customer page: the newest rows of each, with a link to all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Prefetch, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from billing.models import Card, CreditNote, Invoice
from customers.models import Customer, Mail
from ecommerce.models import Order, OrderEvent

MAX_ROWS = 20


@dataclass(frozen=True, slots=True)
class Panel:
    """A tab; one without a template is part of the form."""

    slug: str
    title: str | Promise
    template: str = ""
    rows: tuple[Any, ...] = ()
    all_link: str = ""
    more: bool = False

    @property
    def all_title(self) -> str:
        titles = {
            "orders": _("All orders of this customer"),
            "invoices": _("All invoices of this customer"),
            "mails": _("All mails to this customer"),
        }
        return str(titles[self.slug])


def build_panels(request: HttpRequest, customer: Customer) -> list[Panel]:
    builders: list[tuple[str, Callable[[Customer], Panel]]] = [
        ("ecommerce.view_order", _orders),
        ("billing.view_invoice", _invoices),
        ("billing.view_card", _cards),
        ("customers.view_address", lambda _customer: Panel("addresses", _("Addresses"))),
        ("customers.view_mail", _mails),
        ("ecommerce.view_order", _activity),
    ]
    return [build(customer) for permission, build in builders if request.user.has_perm(permission)]


def _orders(customer: Customer) -> Panel:
    rows = tuple(Order.objects.filter(customer=customer).order_by("-pk")[: MAX_ROWS + 1])
    link = f"{reverse('admin:ecommerce_order_changelist')}?{urlencode({'customer': customer.pk})}"
    return Panel(
        "orders", _("Orders"), "admin/ecommerce/customer/orders.html", rows[:MAX_ROWS], link, len(rows) > MAX_ROWS
    )


def _invoices(customer: Customer) -> Panel:
    notes = Prefetch("credit_notes", CreditNote.objects.filter(voided_at=None).order_by("pk"))
    invoices = Invoice.objects.filter(customer=customer).prefetch_related(notes)
    rows = tuple(invoices.order_by("-pk")[: MAX_ROWS + 1])
    link = f"{reverse('admin:billing_invoice_changelist')}?{urlencode({'customer__id__exact': customer.pk})}"
    return Panel(
        "invoices", _("Invoices"), "admin/ecommerce/customer/invoices.html", rows[:MAX_ROWS], link, len(rows) > MAX_ROWS
    )


def _cards(customer: Customer) -> Panel:
    # A removed card with a fingerprint was replaced: the same card, entered again, has a row of its own.
    replaced = ~Q(fingerprint="") & Q(removed_at__isnull=False)
    rows = tuple(Card.objects.filter(customer=customer).exclude(replaced).order_by("-pk")[:MAX_ROWS])
    return Panel("cards", _("Payment methods"), "admin/ecommerce/customer/cards.html", rows)


def _mails(customer: Customer) -> Panel:
    mails = Mail.objects.to(customer.email).exclude(kind=Mail.Kind.MENTION).defer("text", "html")
    rows = tuple(mails.order_by("-pk")[: MAX_ROWS + 1])
    link = f"{reverse('admin:customers_mail_changelist')}?{urlencode({'q': customer.email})}"
    return Panel(
        "mails", _("Mails"), "admin/ecommerce/customer/mails.html", rows[:MAX_ROWS], link, len(rows) > MAX_ROWS
    )


@dataclass(frozen=True, slots=True)
class ActivityRow:
    at: datetime
    what: str
    by: str
    order: Order | None = None


def _activity(customer: Customer) -> Panel:
    recent_orders = Order.objects.filter(customer=customer).order_by("-pk").values("pk")[:MAX_ROWS]
    events = OrderEvent.objects.filter(order__in=recent_orders).select_related("order").order_by("-pk")[:MAX_ROWS]
    edits = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(Customer), object_id=str(customer.pk)
    ).select_related("user")[:MAX_ROWS]
    activity = [
        ActivityRow(each.at, each.kind.replace("_", " ").capitalize(), each.by_label, each.order) for each in events
    ]
    activity += [ActivityRow(each.action_time, str(each.get_change_message()), str(each.user)) for each in edits]
    rows = tuple(sorted(activity, key=lambda row: row.at, reverse=True)[:MAX_ROWS])
    return Panel("activity", _("Activity"), "admin/ecommerce/customer/activity.html", rows)
