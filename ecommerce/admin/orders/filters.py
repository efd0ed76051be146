"""What the address of the orders list asks for: tab, search, filters, and how to page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Self
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backoffice.keyset_paging import PAGING
from billing.money import supported
from customers.models import Customer
from ecommerce.admin.orders.search import Found, find
from ecommerce.models import Coupon, Order, OrderItem, Product
from ecommerce.models.order import OrderQuerySet

ALL, ATTENTION = "", "attention"
TABS: dict[str, str | Promise] = {
    ALL: _("All"),
    **{status.value: status.label for status in Order.Status},
    ATTENTION: _("Needs attention"),
}
SIZES = (50, 100, 200)
Params = dict[str, str]


def _chosen(label: Any, **more: Any) -> "forms.ModelChoiceField[Any]":
    return forms.ModelChoiceField(label=label, required=False, empty_label=_("Any"), **more)


def _day(label: Any) -> forms.DateField:
    # The day after is asked for too, in any time zone: the first and last days of the calendar have none.
    known = [MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2999, 12, 31))]
    widget = UnfoldAdminTextInputWidget({"type": "date"})
    said = format_lazy(label, zone=settings.TIME_ZONE)
    return forms.DateField(label=said, required=False, validators=known, widget=widget)


def _one_of(label: Any, choices: list[tuple[str, Any]]) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, required=False, choices=[("", _("Any")), *choices], widget=UnfoldAdminSelectWidget()
    )


class OrderFilters(forms.Form):
    """The filters; one that makes no sense is reported and narrows nothing."""

    use_required_attribute = False
    created_from = _day(_("Created from ({zone})"))
    created_until = _day(_("Created until ({zone})"))
    product = _chosen(_("Product"), queryset=Product.objects.order_by("name"), widget=UnfoldAdminSelectWidget())
    coupon = _chosen(_("Coupon"), queryset=Coupon.objects.order_by("code"), widget=UnfoldAdminSelectWidget())
    currency = _one_of(_("Currency"), list(supported()))
    placed_via = _one_of(_("Placed via"), list(Order.PlacedVia.choices))
    customer = _chosen(_("Customer"), queryset=Customer.objects.all(), widget=forms.HiddenInput())

    @property
    def given(self) -> dict[str, Any]:
        """Give the filters in force: name and cleaned value."""
        if not self.data:
            return {}
        self.is_valid()  # cleans once; what is valid stands in cleaned_data either way
        return {name: value for name, value in self.cleaned_data.items() if value not in {None, ""}}

    def narrowed(self, orders: OrderQuerySet) -> OrderQuerySet:
        """Apply them."""
        given = self.given
        plain = {name: given[name] for name in ("coupon", "currency", "placed_via", "customer") if name in given}
        orders = orders.filter(**plain)
        if "product" in given:
            orders = orders.filter(pk__in=OrderItem.objects.filter(sku__product=given["product"]).values("order_id"))
        if "created_from" in given:
            orders = orders.filter(created_at__gte=_midnight(given["created_from"]))
        if "created_until" in given:
            orders = orders.filter(created_at__lt=_midnight(given["created_until"] + timedelta(days=1)))
        return orders


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What is to be listed. `kept` are the parameters that every link of the list keeps; `place` says which page."""

    tab: str
    text: str
    filters: OrderFilters
    per_page: int
    oldest_first: bool
    kept: Params
    place: Params

    @classmethod
    def of(cls, query: QueryDict) -> Self:
        """Read the query string. What is unknown or makes no sense counts as absent."""
        given: Params = {name: str(query[name]) for name in query}
        filters = OrderFilters({name: given[name] for name in OrderFilters.base_fields if given.get(name)})
        sizes = {str(size): size for size in SIZES}
        text = query.get("q", "").strip()
        oldest_first = query.get("sort") == "oldest"
        kept = {"q": text, **{name: given[name] for name in filters.given}}
        kept |= {"sort": "oldest"} if oldest_first else {}
        kept |= {"per_page": given["per_page"]} if given.get("per_page") in sizes else {}
        return cls(
            tab=_tab(query),
            text=text,
            filters=filters,
            per_page=sizes.get(given.get("per_page", ""), SIZES[0]),
            oldest_first=oldest_first,
            kept={name: value for name, value in kept.items() if value},
            place={name: given[name] for name in PAGING if name in given},
        )

    @property
    def narrows(self) -> bool:
        """Tell whether anything but the tab narrows the list."""
        return bool(self.text or self.filters.given)

    def found(self) -> Found:
        """Find the orders on all tabs together."""
        return find(self.filters.narrowed(Order.objects.all()), self.text)

    def on_tab(self, orders: OrderQuerySet) -> OrderQuerySet:
        """Give those of them that this tab shows."""
        if self.tab == ATTENTION:
            return orders.needing_attention()
        return orders.filter(status=self.tab) if self.tab else orders

    def params(self, *, without: Iterable[str] = (), tab: str | None = None) -> list[tuple[str, str]]:
        """Give the parameters of this list, from its first page."""
        given = _tab_params(self.tab if tab is None else tab) | self.kept
        return [(name, value) for name, value in given.items() if name not in without]

    def link(self, changes: Mapping[str, object] | None = None, *, tab: str | None = None) -> str:
        """Give the query string of this list with other parameters; an empty value drops one."""
        changes = changes or {}
        return "?" + urlencode([*self.params(without=changes, tab=tab), *((n, v) for n, v in changes.items() if v)])


def _tab(query: QueryDict) -> str:
    if query.get(ATTENTION) == "1":
        return ATTENTION
    status = query.get("status__exact", query.get("status", ""))
    return status if status in Order.Status.values else ALL


def _tab_params(tab: str) -> Params:
    if tab == ATTENTION:
        return {ATTENTION: "1"}
    return {"status__exact": tab} if tab else {}
