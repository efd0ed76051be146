"""The query string of the orders list: tab, search, filters, sorting and paging."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Self
from urllib.parse import urlencode

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise, lazy
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from backoffice.keyset_paging import PAGING
from billing.money import supported
from customers.models import Customer
from ecommerce.admin.orders.search import SearchResult, search
from ecommerce.models import Coupon, Order, OrderItem, OrderTag, Product, Tag
from ecommerce.models.order_queryset import OrderQuerySet
from ecommerce.orders.assign import assignees

ALL, ATTENTION = "", "attention"
TABS: dict[str, str | Promise] = {
    ALL: _("All"),
    **{status.value: status.label for status in Order.Status},
    ATTENTION: _("Needs attention"),
}
FULFILLMENT = "fulfillment_state"
COLUMNS = ("coupon", "currency", "placed_via", FULFILLMENT, "customer", "assignee")  # filtered by what they hold
PAGE_SIZES = (50, 100, 200)
Params = dict[str, str]


def _model_choice(label: Any, **more: Any) -> "forms.ModelChoiceField[Any]":
    return forms.ModelChoiceField(label=label, required=False, empty_label=_("Any"), **more)


_current_zone = lazy(timezone.get_current_timezone_name, str)


def _date_field(label: Any) -> forms.DateField:
    # The day after is asked for too, in any time zone: the first and last days of the calendar have none.
    valid_days = [MinValueValidator(date(1970, 1, 1)), MaxValueValidator(date(2999, 12, 31))]
    widget = UnfoldAdminTextInputWidget({"type": "date"})
    zoned_label = format_lazy(label, zone=_current_zone())
    return forms.DateField(label=zoned_label, required=False, validators=valid_days, widget=widget)


def _choice_field(label: Any, choices: list[tuple[str, Any]]) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, required=False, choices=[("", _("Any")), *choices], widget=UnfoldAdminSelectWidget()
    )


class OrderFilters(forms.Form):
    """An invalid filter is reported and filters nothing."""

    use_required_attribute = False
    created_from = _date_field(_("Created from ({zone})"))
    created_until = _date_field(_("Created until ({zone})"))
    product = _model_choice(_("Product"), queryset=Product.objects.order_by("name"), widget=UnfoldAdminSelectWidget())
    coupon = _model_choice(_("Coupon"), queryset=Coupon.objects.order_by("code"), widget=UnfoldAdminSelectWidget())
    currency = _choice_field(_("Currency"), list(supported()))
    placed_via = _choice_field(_("Placed via"), list(Order.PlacedVia.choices))
    fulfillment_state = _choice_field(_("Fulfillment"), list(Order.FulfillmentState.choices))
    tag = _model_choice(_("Tag"), queryset=Tag.objects.order_by("name"), widget=UnfoldAdminSelectWidget())
    assignee = _model_choice(_("Assigned to"), queryset=assignees(), widget=UnfoldAdminSelectWidget())
    on_hold = _choice_field(_("On hold"), [("1", _("Yes")), ("0", _("No"))])
    customer = _model_choice(_("Customer"), queryset=Customer.objects.all(), widget=forms.HiddenInput())

    @property
    def active(self) -> dict[str, Any]:
        if not self.data:
            return {}
        self.is_valid()  # the valid fields are in cleaned_data either way
        return {name: value for name, value in self.cleaned_data.items() if value not in {None, ""}}

    def apply(self, orders: OrderQuerySet) -> OrderQuerySet:
        active = self.active
        columns = {name: active[name] for name in COLUMNS if name in active}
        orders = orders.filter(**columns)
        if "on_hold" in active:
            orders = orders.filter(on_hold=active["on_hold"] == "1")
        if "tag" in active:
            orders = orders.filter(pk__in=OrderTag.objects.filter(tag=active["tag"]).values("order_id"))
        if "product" in active:
            orders = orders.filter(pk__in=OrderItem.objects.filter(sku__product=active["product"]).values("order_id"))
        if "created_from" in active:
            orders = orders.filter(created_at__gte=_start_of_day(active["created_from"]))
        if "created_until" in active:
            orders = orders.filter(created_at__lt=_start_of_day(active["created_until"] + timedelta(days=1)))
        return orders


def _start_of_day(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderListParams:
    """`persistent` are the parameters that every link of the list keeps; `paging` says which page."""

    tab: str
    text: str
    filters: OrderFilters
    per_page: int
    oldest_first: bool
    persistent: Params
    paging: Params

    @classmethod
    def from_query(cls, query: QueryDict) -> Self:
        """Unknown and invalid parameters count as absent."""
        values: Params = {name: str(query[name]) for name in query}
        filters = OrderFilters({name: values[name] for name in OrderFilters.base_fields if values.get(name)})
        sizes = {str(size): size for size in PAGE_SIZES}
        text = query.get("q", "").strip()
        oldest_first = query.get("sort") == "oldest"
        persistent = {"q": text, **{name: values[name] for name in filters.active}}
        persistent |= {"sort": "oldest"} if oldest_first else {}
        persistent |= {"per_page": values["per_page"]} if values.get("per_page") in sizes else {}
        return cls(
            tab=_tab(query),
            text=text,
            filters=filters,
            per_page=sizes.get(values.get("per_page", ""), PAGE_SIZES[0]),
            oldest_first=oldest_first,
            persistent={name: value for name, value in persistent.items() if value},
            paging={name: values[name] for name in PAGING if name in values},
        )

    @property
    def is_filtered(self) -> bool:
        """Whether anything but the tab filters the list."""
        return bool(self.text or self.filters.active)

    def search(self) -> SearchResult:
        """Return the orders on all tabs together."""
        return search(self.filters.apply(Order.objects.all()), self.text)

    def filter_by_tab(self, orders: OrderQuerySet) -> OrderQuerySet:
        if self.tab == ATTENTION:
            return orders.needing_attention()
        return orders.filter(status=self.tab) if self.tab else orders

    def hidden_params(self, *, without: Iterable[str] = (), tab: str | None = None) -> list[tuple[str, str]]:
        params = _tab_params(self.tab if tab is None else tab) | self.persistent
        return [(name, value) for name, value in params.items() if name not in without]

    def url(self, changes: Mapping[str, object] | None = None, *, tab: str | None = None) -> str:
        """Return the query string of the first page; an empty value in `changes` drops a parameter."""
        changes = changes or {}
        return "?" + urlencode(
            [*self.hidden_params(without=changes, tab=tab), *((n, v) for n, v in changes.items() if v)]
        )

    def active_filters(self) -> list[tuple[str, str, str]]:
        """Return label, value and the URL without it of each filter."""
        fields = self.filters.fields
        return [
            (str(fields[name].label), _display_value(fields[name], value), self.url({name: ""}))
            for name, value in self.filters.active.items()
        ]


def _display_value(field: forms.Field, value: object) -> str:
    choices = dict(getattr(field, "choices", ())) if isinstance(value, str) else {}
    return str(choices.get(value, value))


def _tab(query: QueryDict) -> str:
    if query.get(ATTENTION) == "1":
        return ATTENTION
    status = query.get("status__exact", query.get("status", ""))
    return status if status in Order.Status.values else ALL


def _tab_params(tab: str) -> Params:
    if tab == ATTENTION:
        return {ATTENTION: "1"}
    return {"status__exact": tab} if tab else {}
