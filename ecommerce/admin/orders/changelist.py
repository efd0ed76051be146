"""The orders list: its tabs, rows, pages, and what its bar offers."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from backoffice.keyset_paging import LAST, KeysetPage, keyset_page
from billing.money import format_money
from ecommerce.admin.bulk_jobs import mass_actions
from ecommerce.admin.display import Badge, money_badge, status_badge, when
from ecommerce.admin.orders.counts import Counts, counts_of
from ecommerce.admin.orders.filters import ATTENTION, SIZES, TABS, ListQuery
from ecommerce.models import Order

COLUMNS = (
    *("number", "status", "money_state", "attention", "summary", "total", "currency", "created_at"),
    *("customer__first_name", "customer__last_name", "customer__email"),
)
MANY = 1_000


@dataclass(frozen=True, slots=True)
class Row:
    """One order as the list shows it: text only, so that the template has nothing to look up."""

    pk: int
    number: str
    name: str
    email: str
    items: str
    total: str
    status: Badge
    money: Badge | None
    attention: str
    created: str


@dataclass(frozen=True, slots=True)
class TabLink:
    """A tab over the list."""

    title: str | Promise
    count: str
    link: str
    active: bool


def context_of(request: HttpRequest, asked: ListQuery) -> dict[str, Any]:
    """Give what the list's template shows."""
    found = asked.found()
    counts = counts_of(asked, found)
    # Walking to the few of a rare tab would pass most orders by.
    pick = found.walked if counts.by_tab[asked.tab] > MANY else found.orders
    orders = asked.on_tab(pick).select_related("customer").only(*COLUMNS)
    page = keyset_page(orders, params=asked.place, per_page=asked.per_page, oldest_first=asked.oldest_first)
    return {
        "asked": asked,
        "rows": [row_of(order) for order in page.rows],
        "tabs": _tabs(asked, counts),
        "matching": counts.written(asked.tab, exact=True),
        "more_than_shown": counts.by_tab[asked.tab] > len(page.rows),
        "links": _links(asked, page),
        "sizes": [(size, asked.link({"per_page": size}), size == asked.per_page) for size in SIZES],
        "chips": chips(asked),
        **_panel(asked, opened=request.GET.get("filters") == "1"),
        "mass_actions": mass_actions.offered(request.user, asked.tab),
        "empty": _empty(asked, may_add=request.user.has_perm("ecommerce.add_order")) if not page.rows else None,
    }


def row_of(order: Order) -> Row:
    """Show one order."""
    customer = order.customer
    return Row(
        pk=order.pk,
        number=order.number,
        name=customer.name or customer.email,
        email=customer.email if customer.name else "",
        items=order.summary,
        total=format_money(order.total, order.currency),
        status=status_badge(order),
        money=money_badge(order),
        attention=order.attention,
        created=when(order.created_at),
    )


def _tabs(asked: ListQuery, counts: Counts) -> list[TabLink]:
    return [
        TabLink(title, counts.written(tab, exact=tab == asked.tab), asked.link(tab=tab), tab == asked.tab)
        for tab, title in TABS.items()
    ]


def _links(asked: ListQuery, page: KeysetPage) -> dict[str, str]:
    links = {"sort": asked.link({"sort": "" if asked.oldest_first else "oldest"})}
    if page.newer:
        links |= {"first": asked.link(), "previous": asked.link(page.newer_link)}
    if page.older:
        links |= {"next": asked.link(page.older_link), "last": asked.link({LAST: 1})}
    return links


def _panel(asked: ListQuery, *, opened: bool) -> dict[str, Any]:
    """Give what the search box and the filters keep of each other, and the links between them."""
    filters = dict.fromkeys(asked.filters.fields, "")
    panel = opened or bool(asked.filters.errors)
    return {
        "panel": panel,
        "panel_link": asked.link({"filters": "" if panel else "1"}),
        "search_keeps": asked.params(without=("q",)),
        "filter_keeps": asked.params(without=tuple(filters)),
        "no_search_link": asked.link({"q": ""}),
        "no_filters_link": asked.link(filters),
    }


def chips(asked: ListQuery) -> list[tuple[str, str, str]]:
    """Give the filters in force: name, value, and the link that drops it."""
    labels = {name: str(field.label) for name, field in asked.filters.fields.items()}
    shown = {name: _value(asked, name, value) for name, value in asked.filters.given.items()}
    return [(labels[name], value, asked.link({name: ""})) for name, value in shown.items()]


def _value(asked: ListQuery, name: str, value: object) -> str:
    choices = dict(getattr(asked.filters.fields[name], "choices", ())) if isinstance(value, str) else {}
    return str(choices.get(value, value))


def _empty(asked: ListQuery, *, may_add: bool) -> dict[str, str]:
    """Say why nothing is listed, and what to do next."""
    if asked.narrows:
        return {
            "title": _("No order matches"),
            "text": _("Search by order number, customer, SKU, invoice (INV-…) or Stripe id (pi_…, re_…, cus_…)."),
            "link": asked.link(dict.fromkeys(asked.kept, "")),
            "act": _("Clear search and filters"),
        }
    if asked.tab == ATTENTION:
        text = _("Payments and refunds are all as the orders say. Whatever needs a person shows up here.")
        return {"title": _("Nothing needs attention"), "text": text, "link": "?", "act": _("Show all orders")}
    if asked.tab:
        title = _("No order is %(status)s") % {"status": str(TABS[asked.tab]).lower()}
        return {"title": title, "text": "", "link": "?", "act": _("Show all orders")}
    text = _("Orders come from the website, from the API, or are made here.")
    add = {"link": reverse("admin:ecommerce_order_add"), "act": _("New order")} if may_add else {}
    return {"title": _("No orders yet"), "text": text, **add}
