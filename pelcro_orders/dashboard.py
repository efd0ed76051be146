"""The dashboard: figures, charts and lists, each shown to users who may view the models behind it.

The figures are queried from the rows of the last 30 days, by index; currencies are never added up.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Now, TruncDate
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from backoffice import database_clock
from backoffice.list_tabs import bounded_counts, format_count
from billing.models import Difference, Document, Invoice, Refund, Seller, WebhookEvent
from billing.money import format_money
from customers.mail.attention import NEEDS_ATTENTION
from customers.models import Mail
from ecommerce.books import TITLES
from ecommerce.customer_requests.waiting import open_requests, open_returns
from ecommerce.models import BulkJob, Order, Sku
from ecommerce.notes import unread_mentions
from ecommerce.webhooks.health import troubled

DAYS = 30
LISTED = 5
CHARTED_CURRENCIES = 4
Daily = Mapping[tuple[date, str], int]  # by day and currency
PERIODS = ((1, _("Today")), (7, _("7 days")), (DAYS, _("30 days")))


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of a chart; `height` is in percent of the highest."""

    label: str
    height: int


@dataclass(frozen=True, slots=True)
class Chart:
    title: str | Promise
    bars: list[Bar]
    first: date
    last: date
    most: str


def dashboard(request: HttpRequest) -> dict[str, Any]:
    may = request.user.has_perm
    context: dict[str, Any] = {"may_order": may("ecommerce.add_order")}
    if may("ecommerce.view_order"):
        context |= {
            **_figures(may("billing.view_invoice"), may("billing.view_refund")),
            **_orders_by_status(may),
            "mentions": unread_mentions(request.user)[:LISTED],
        }
    if may("ecommerce.view_bulkjob"):
        context |= _jobs()
    if may("ecommerce.view_sku"):
        context |= {"low_stock": low_stock()}
    if may("billing.view_invoice"):
        context["broken_documents"] = broken_documents()
    if may("ecommerce.view_webhookendpoint"):
        context |= {"endpoints_troubled": troubled().order_by("active", "-pk")[:LISTED]}
    if may("billing.view_difference"):
        context |= _differences()
    return context


def broken_documents() -> QuerySet[Document]:
    broken = Document.objects.filter(status=Document.Status.BROKEN)
    return broken.select_related("invoice", "credit_note").order_by("-pk")[:LISTED]


def _differences() -> dict[str, Any]:
    """Count what is open, by kind; of our own books by rule."""
    kinds = dict(Difference.Kind.choices)
    groups = Difference.objects.filter(resolved_at=None).values("kind", "rule").annotate(count=Count("pk"))
    listed = [
        {**each, "label": TITLES.get(each["rule"]) or kinds.get(each["kind"], each["kind"])}
        for each in groups.order_by("kind", "rule")
    ]
    return {"differences": listed, "difference_count": sum(each["count"] for each in listed)}


def _figures(show_revenue: bool, show_refunds: bool) -> dict[str, Any]:  # noqa: FBT001 - private, both named by callers
    today = timezone.localdate(database_clock.now())
    since = timezone.make_aware(datetime.combine(today - timedelta(days=DAYS - 1), time.min))
    placed = _daily(Order.objects.filter(created_at__gte=since), "created_at", Count("pk"), by_currency=False)
    paid = Invoice.objects.filter(paid_at__gte=since, amount_paid__gt=0)
    revenue = _daily(paid, "paid_at", Sum("amount_paid")) if show_revenue else None
    refunded = Refund.objects.filter(requested_at__gte=since, status__in=("pending", "succeeded"))
    refunds = _daily(refunded, "requested_at", Sum("amount")) if show_refunds else None
    return {
        "periods": [_period(title, today, days, placed, revenue, refunds) for days, title in PERIODS],
        "charts": [_chart(_("Orders a day"), today, placed, ""), *_money_charts(today, revenue or {})],
        "show_revenue": show_revenue,
        "show_refunds": show_refunds,
    }


def _daily(rows: QuerySet[Any], moment: str, figure: Any, *, by_currency: bool = True) -> Daily:
    groups = ("day", "currency") if by_currency else ("day",)
    found = rows.annotate(day=TruncDate(moment)).order_by().values(*groups).annotate(figure=figure)
    return {(each["day"], each.get("currency", "")): each["figure"] for each in found}


def _period(title: Any, today: date, days: int, *figures: Daily | None) -> dict[str, Any]:
    first = today - timedelta(days=days - 1)
    placed, revenue, refunds = ({} if daily is None else _sums(daily, first) for daily in figures)
    return {
        "title": title,
        "orders": f"{placed.get('', 0):,}",
        "revenue": [format_money(amount, currency) for currency, amount in sorted(revenue.items())],
        "refunds": [format_money(amount, currency) for currency, amount in sorted(refunds.items())],
    }


def _sums(daily: Daily, first: date) -> Mapping[str, int]:
    sums: Counter[str] = Counter()
    for (day, currency), figure in daily.items():
        if day >= first:
            sums[currency] += figure
    return sums


def _money_charts(today: date, revenue: Daily) -> Iterable[Chart]:
    days_by_currency = Counter(currency for _day, currency in revenue)
    for currency, _days in days_by_currency.most_common(CHARTED_CURRENCIES):
        yield _chart(_("Revenue a day in %(currency)s") % {"currency": currency.upper()}, today, revenue, currency)


def _chart(title: Any, today: date, daily: Daily, currency: str) -> Chart:
    days = [today - timedelta(days=back) for back in reversed(range(DAYS))]
    figures = [daily.get((day, currency), 0) for day in days]
    highest = max(*figures, 1)
    labels = [format_money(figure, currency) if currency else f"{figure:,}" for figure in figures]
    heights = [-(-figure * 100 // highest) for figure in figures]
    bars = [Bar(f"{day}: {label}", height) for day, label, height in zip(days, labels, heights, strict=True)]
    return Chart(title, bars, days[0], days[-1], labels[figures.index(max(figures))])


def _orders_by_status(may: Callable[[str], bool]) -> dict[str, Any]:
    attention = Order.objects.needing_attention()
    statuses = [Order.objects.filter(status=status) for status in Order.Status.values]
    asked = (open_returns(), open_requests()) if may("ecommerce.view_customerrequest") else ()
    errors = (WebhookEvent.objects.exclude(error=""),) if may("billing.view_webhookevent") else ()
    nobody_sells = (Seller.objects.filter(version=None),) if may("billing.view_seller") else ()
    mails = (Mail.objects.filter(NEEDS_ATTENTION),) if may("customers.view_mail") else ()
    attention_count, *counts = bounded_counts([attention, *statuses, *asked, *errors, *nobody_sells, *mails])
    mail_count = counts.pop() if mails else 0
    seller_missing = bool(counts.pop()) if nobody_sells else False
    error_count = counts.pop() if errors else 0
    return {
        "statuses": [
            {"status": value, "label": label, "count": format_count(count)}
            for (value, label), count in zip(Order.Status.choices, counts, strict=False)
        ],
        "asked_count": sum(counts[len(statuses) :]),
        "seller_missing": seller_missing,
        "mail_count": mail_count,
        "mails_not_arrived": format_count(mail_count),
        "webhook_errors": error_count and format_count(error_count),
        "attention_count": format_count(attention_count),
        "attention": attention.select_related("customer").order_by("-pk")[:LISTED],
    }


def _jobs() -> dict[str, Any]:
    unsuccessful = Q(status__in=("failed", "partial"), created_at__gte=Now() - timedelta(days=7))
    progress = {"processed": Sum(F("slices__done") + F("slices__skipped") + F("slices__failed"))}
    running = BulkJob.objects.filter(status__in=("queued", "running", "stopping")).annotate(**progress)
    return {
        "jobs_running": running.order_by("-pk")[:LISTED],
        "jobs_unsuccessful": BulkJob.objects.filter(unsuccessful).order_by("-pk")[:LISTED],
    }


def low_stock() -> QuerySet[Sku]:
    return Sku.objects.low().select_related("product").order_by("inventory_quantity", "code")[:LISTED]
