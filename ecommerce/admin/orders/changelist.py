"""The template context of the orders list: tabs, rows, page links, filters, mass actions."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce, Concat, NullIf, Trim
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.keyset_paging import LAST, KeysetPage, keyset_page
from backoffice.list_filters import NAME
from backoffice.list_tabs import format_count
from backoffice.writers import Format
from billing.money import format_money
from customers.models import User
from ecommerce.admin.bulk_jobs.mass_actions import available_mass_actions
from ecommerce.admin.display import Badge, TabLink, format_time, fulfillment_badge, money_state_badge, status_badge
from ecommerce.admin.orders.counts import TabCounts, count_by_tab, count_partly_fulfilled
from ecommerce.admin.orders.filters import ATTENTION, FULFILLMENT, PAGE_SIZES, TABS, OrderListParams
from ecommerce.admin.orders.search import SearchResult
from ecommerce.admin.orders.side_panel import TAGS, TagLabel, tag_labels
from ecommerce.bulk_jobs.permissions import has_permission
from ecommerce.models import BulkJob, Order

COLUMNS = (
    *(
        "number",
        "status",
        "fulfillment_state",
        "money_state",
        "attention",
        "summary",
        "total",
        "currency",
        "created_at",
    ),
    *("on_hold", "hold_reason", "assignee_id"),
    *("customer__first_name", "customer__last_name", "customer__email"),
)
ASSIGNED_TO = Subquery(
    User.objects.filter(pk=OuterRef("assignee_id")).values(
        name=Coalesce(NullIf(Trim(Concat("first_name", Value(" "), "last_name")), Value("")), "username")
    )
)
SCAN_ABOVE = 1_000
PARTIAL = Order.FulfillmentState.PARTIAL


@dataclass(frozen=True, slots=True)
class OrderRow:
    """Text only, so that the template looks nothing up."""

    pk: int
    number: str
    name: str
    email: str
    items: str
    total: str
    status: Badge
    fulfillment: Badge | None
    money: Badge | None
    attention: str
    created: str
    hold: str
    tags: list[TagLabel]
    assignee: str


def changelist_context(request: HttpRequest, params: OrderListParams) -> dict[str, Any]:
    result = params.search()
    counts = count_by_tab(params, result)
    # Scanning for the few orders of a rare tab would pass most orders by.
    queryset = result.scan if counts.by_tab[params.tab] > SCAN_ABOVE else result.orders
    orders = params.filter_by_tab(queryset).select_related("customer").only(*COLUMNS)
    orders = orders.annotate(tag_rows=TAGS, assigned_to=ASSIGNED_TO)
    filters = request.GET.urlencode()
    page = keyset_page(orders, params=params.paging, per_page=params.per_page, oldest_first=params.oldest_first)
    return {
        "params": params,
        "rows": [_order_row(order) for order in page.rows],
        "mine_link": params.url({"assignee": request.user.pk}),
        "is_mine": params.persistent.get("assignee") == str(request.user.pk),
        "all_link": params.url({"assignee": ""}),
        "tabs": _tabs(params, counts),
        "subtabs": _subtabs(params, result) if params.tab == Order.Status.PAID else (),
        # The filters go with the rows' links, and the ticks of a list go with its filters, whatever the page.
        "row_query": f"?{urlencode({NAME: filters})}" if filters else "",
        "selection_key": f"{request.user.pk}{params.url()}",
        "matching": counts.display(params.tab, exact=True),
        "more_than_shown": counts.by_tab[params.tab] > len(page.rows),
        "links": _links(params, page),
        "sizes": [(size, params.url({"per_page": size}), size == params.per_page) for size in PAGE_SIZES],
        "active_filters": params.active_filters(),
        **_filter_panel(params, opened=request.GET.get("filters") == "1"),
        "mass_actions": available_mass_actions(request.user, params.tab),
        "export_formats": Format if has_permission(request.user, BulkJob.Action.EXPORT) else None,
        "empty": _empty_state(params, may_add=request.user.has_perm("ecommerce.add_order")) if not page.rows else None,
    }


def _order_row(order: Any) -> OrderRow:
    customer = order.customer
    return OrderRow(
        pk=order.pk,
        number=order.number,
        name=customer.name or customer.email,
        email=customer.email if customer.name else "",
        items=order.summary,
        total=format_money(order.total, order.currency),
        status=status_badge(order),
        fulfillment=fulfillment_badge(order),
        money=money_state_badge(order),
        attention=order.attention,
        created=format_time(order.created_at),
        hold=order.hold_reason or str(_("On hold")) if order.on_hold else "",
        tags=tag_labels(order.tag_rows),
        assignee=order.assigned_to or "",
    )


def _tabs(params: OrderListParams, counts: TabCounts) -> list[TabLink]:
    return [
        TabLink(
            title,
            counts.display(tab, exact=tab == params.tab),
            params.url({FULFILLMENT: ""}, tab=tab),
            tab == params.tab,
        )
        for tab, title in TABS.items()
    ]


def _subtabs(params: OrderListParams, result: SearchResult) -> list[TabLink]:
    """Within Paid, where there are any: all, and those of which some items have left."""
    is_partial = params.filters.active.get(FULFILLMENT) == PARTIAL
    count = count_partly_fulfilled(params, result)
    if not count and not is_partial:
        return []
    return [
        TabLink(_("All paid"), "", params.url({FULFILLMENT: ""}), active=not is_partial),
        TabLink(PARTIAL.label, format_count(count), params.url({FULFILLMENT: PARTIAL.value}), active=is_partial),
    ]


def _links(params: OrderListParams, page: KeysetPage) -> dict[str, str]:
    links = {"sort": params.url({"sort": "" if params.oldest_first else "oldest"})}
    if page.newer:
        links |= {"first": params.url(), "previous": params.url(page.newer_link)}
    if page.older:
        links |= {"next": params.url(page.older_link), "last": params.url({LAST: 1})}
    return links


def _filter_panel(params: OrderListParams, *, opened: bool) -> dict[str, Any]:
    # The search box and the filters keep each other's parameters.
    filters = dict.fromkeys(params.filters.fields, "")
    is_open = opened or bool(params.filters.errors)
    return {
        "filters_open": is_open,
        "filters_toggle_link": params.url({"filters": "" if is_open else "1"}),
        "search_keeps": params.hidden_params(without=("q",)),
        "filter_keeps": params.hidden_params(without=tuple(filters)),
        "no_search_link": params.url({"q": ""}),
        "no_filters_link": params.url(filters),
    }


def _empty_state(params: OrderListParams, *, may_add: bool) -> dict[str, str]:
    if params.is_filtered:
        return {
            "title": _("No order matches"),
            "text": _(
                "Search by order number, customer, phone, SKU, product, place, coupon, tag, tracking number, amount, "
                "the last four digits of a card, invoice (INV-…) or Stripe id (pi_…, ch_…, re_…, cus_…)."
            ),
            "link": params.url(dict.fromkeys(params.persistent, "")),
            "link_text": _("Clear search and filters"),
        }
    if params.tab == ATTENTION:
        text = _("Payments and refunds are all as the orders say. Whatever needs a person shows up here.")
        return {"title": _("Nothing needs attention"), "text": text, "link": "?", "link_text": _("Show all orders")}
    if params.tab:
        title = _("No order is %(status)s") % {"status": str(TABS[params.tab]).lower()}
        return {"title": title, "text": "", "link": "?", "link_text": _("Show all orders")}
    text = _("Orders come from the website, from the API, or are made here.")
    add = {"link": reverse("admin:ecommerce_order_add"), "link_text": _("New order")} if may_add else {}
    return {"title": _("No orders yet"), "text": text, **add}
