"""The mass actions of the orders list: who is offered which on which tab, and what carries them out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.ids import parse_id
from ecommerce.admin.orders.filters import TABS, ListQuery
from ecommerce.models import Order
from ecommerce.models.order import OrderQuerySet

Run = Callable[[Any, HttpRequest, OrderQuerySet], HttpResponse | None]
Somebody = PermissionsMixin | AbstractBaseUser | AnonymousUser


@dataclass(frozen=True, slots=True, kw_only=True)
class MassAction:
    """Something to be done to many orders; `tabs` are those that offer it."""

    name: str
    label: str | Promise
    permission: str
    tabs: frozenset[str]

    def allowed(self, user: Any) -> bool:
        """Tell whether this person may do it."""
        return bool(user.has_perm(self.permission))


MASS_ACTIONS = (
    MassAction(
        name="export_orders",
        label=gettext_lazy("Export"),
        permission="ecommerce.export_order",
        tabs=frozenset(TABS),
    ),
    MassAction(
        name="fulfill_orders",
        label=gettext_lazy("Fulfill"),
        permission="ecommerce.fulfill_order",
        tabs=frozenset({"paid"}),
    ),
    MassAction(
        name="cancel_orders",
        label=gettext_lazy("Cancel"),
        permission="ecommerce.cancel_order",
        tabs=frozenset({"paid"}),
    ),
    MassAction(
        name="return_orders",
        label=gettext_lazy("Return"),
        permission="ecommerce.return_order",
        tabs=frozenset({"fulfilled"}),
    ),
)

# By name: what carries an action out, given the ModelAdmin, the request and the selected orders.
RUN: dict[str, Run] = {}


def offered(user: Any, tab: str) -> list[MassAction]:
    """Give the actions that this tab offers to this person."""
    return [each for each in MASS_ACTIONS if each.name in RUN and tab in each.tabs and each.allowed(user)]


def run(admin: Any, request: HttpRequest, asked: ListQuery) -> HttpResponse:
    """Carry out what was posted, or say what is missing; then lead back to the list."""
    back = HttpResponseRedirect(request.get_full_path())
    action = next((each for each in MASS_ACTIONS if each.name == request.POST.get("action")), None)
    if action is not None and not action.allowed(request.user):
        raise PermissionDenied
    if action is None or action not in offered(request.user, asked.tab):
        messages.warning(request, _("Choose one of the mass actions of this tab."))
        return back
    selected = _selected(request, asked)
    if selected is None:
        messages.warning(request, _("Tick the orders to work on first."))
        return back
    return RUN[action.name](admin, request, selected) or back


def _selected(request: HttpRequest, asked: ListQuery) -> OrderQuerySet | None:
    if request.POST.get("select_across") == "1":
        return asked.on_tab(asked.found().orders)
    # By key alone: an order that left this tab meanwhile is reported as skipped, not dropped in silence.
    ids = [pk for text in request.POST.getlist("_selected_action") if (pk := parse_id(text)) is not None]
    return Order.objects.filter(pk__in=ids) if ids else None
